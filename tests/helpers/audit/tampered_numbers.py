"""Numbers that a reader sees: tables, report and card."""

from __future__ import annotations

import re
from collections.abc import Callable

from molre.audit.checks import reports as evaluated
from tests.helpers.audit import tamper
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampering import WRITTEN, Tampering, at, cell, gone


def printed(name: str, pattern: str, new: str) -> Callable[[Scene], None]:
    """A number of a page or a card."""

    def change(scene: Scene) -> None:
        path = scene.run / name
        text = path.read_text()
        found = re.search(pattern, text, re.S)
        assert found is not None
        path.write_text(text[: found.start(1)] + new + text[found.end(1) :])
        tamper.reseal(scene.run)

    return change


def no_metrics(scene: Scene) -> None:
    (scene.run / "metrics.parquet").unlink()
    path = scene.run / "report.html"
    path.write_text(re.sub(r"0\.\d{3}", "0.973", path.read_text()))


def only_the_report(scene: Scene) -> None:
    for name in ("metrics", *evaluated.NAMES):
        (scene.run / f"{name}.parquet").unlink(missing_ok=True)


def only_the_card(scene: Scene) -> None:
    only_the_report(scene)
    (scene.run / "report.html").unlink()


NUMBERS: tuple[Tampering, ...] = (
    Tampering(
        "macro AUC in `metrics.parquet`",
        cell("metrics", "auc", 0.99),
        WRITTEN,
        "metrics.parquet recomputed",
    ),
    Tampering(
        "an interval in `metrics.parquet`",
        cell("metrics", "auc_low", 0.5),
        WRITTEN,
        "metrics.parquet recomputed",
    ),
    Tampering(
        "a number in `report.html`",
        printed("report.html", r">(0\.\d{3})", "0.999"),
        WRITTEN,
        "report.html recomputed: text",
    ),
    Tampering(
        "a point of a chart in `report.html`",
        printed("report.html", r'<path d="M 0 ([\d.]+)', "99.1"),
        WRITTEN,
        "report.html recomputed: charts and pictures",
    ),
    Tampering(
        "a number in the model card",
        printed("model/README.md", r"\b(0\.\d\d)", "0.99"),
        WRITTEN,
        "model/README.md recomputed",
    ),
    Tampering(
        "a sensitivity of an operating point",
        cell("operating_points", "sensitivity", 0.99),
        WRITTEN,
        "operating_points.parquet recomputed",
    ),
    Tampering(
        "a positive predictive value",
        cell("predictive_values", "ppv", 0.99),
        WRITTEN,
        "predictive_values.parquet recomputed",
    ),
    Tampering(
        "net benefit of the decision curve",
        cell("decision_curve", "net_benefit", 0.4),
        WRITTEN,
        "decision_curve.parquet recomputed",
    ),
    Tampering(
        "the AUC of a subgroup",
        cell("subgroups", "auc", 0.99),
        WRITTEN,
        "subgroups.parquet recomputed",
    ),
    Tampering(
        "a risk of the risk-coverage curve",
        cell("abstention", "auc", 0.99),
        WRITTEN,
        "abstention.parquet recomputed",
    ),
    Tampering(
        "an AUC under the other policy for blanks",
        cell("sensitivity", "auc", 0.99),
        WRITTEN,
        "sensitivity.parquet recomputed",
    ),
    Tampering(
        "`metrics.parquet` deleted, `report.html` forged",
        no_metrics,
        at(evaluated.evaluated),
        "metrics.parquet recomputed",
    ),
    Tampering(
        "every table of an evaluation deleted, the report kept",
        only_the_report,
        at(evaluated.evaluated),
        "metrics.parquet recomputed",
    ),
    Tampering(
        "all of an evaluation deleted but the numbers of the card",
        only_the_card,
        at(evaluated.evaluated),
        "report.html recomputed",
    ),
    Tampering("`report.html` deleted", gone("report.html"), WRITTEN, "report.html recomputed"),
)
