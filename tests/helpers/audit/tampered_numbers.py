"""Numbers that a reader sees: tables, report and card."""

from __future__ import annotations

import re

from molre.audit.checks import reports as evaluated
from molre.audit.report_differences import RENDERED
from molre.runs.folder import FURTHER_TABLES, METRICS
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampered_pages import NUMBER, of_run, printed
from tests.helpers.audit.tampering import WRITTEN, Tampering, at, cell, gone


def no_metrics(scene: Scene) -> None:
    (scene.run / "metrics.parquet").unlink()
    path = scene.run / "report.html"
    path.write_text(re.sub(r"0\.\d{3}", "0.973", path.read_text()))


def only_the_report(scene: Scene) -> None:
    for name in (METRICS, *FURTHER_TABLES):
        (scene.run / f"{name}.parquet").unlink(missing_ok=True)


def only_the_card(scene: Scene) -> None:
    only_the_report(scene)
    for name in ("report.html", "report.json"):
        (scene.run / name).unlink()


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
        of_run(NUMBER),
        WRITTEN,
        RENDERED,
    ),
    Tampering(
        "a point of a chart in `report.html`",
        of_run(printed(r'<path d="M 0 ([\d.]+)', "99.1")),
        WRITTEN,
        RENDERED,
    ),
    Tampering(
        "a number in the model card",
        of_run(printed(r"\b(0\.\d\d)", "0.99", "model/README.md")),
        WRITTEN,
        evaluated.CARD,
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
        RENDERED,
    ),
    Tampering("`report.html` deleted", gone("report.html"), WRITTEN, RENDERED),
)
