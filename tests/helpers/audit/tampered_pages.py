"""Pages, what they are rendered from, and both together: of a run, a comparison, pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from molre.audit.check import NOT_CHECKED
from molre.audit.checks.reports import CARD
from molre.audit.report_differences import RENDERED
from molre.output.report_json import read_report, sha256, write_report
from tests.helpers.audit import tamper
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampered_together import beside, compared, of_pairs, steady
from tests.helpers.audit.tampering import WRITTEN, Tampering

Change = Callable[[Path], None]
RECOMPUTED = "report.json recomputed"


def of_run(change: Change) -> Callable[[Scene], None]:
    """Tamper with the copy of the run."""

    def done(scene: Scene) -> None:
        change(scene.run)
        tamper.reseal(scene.run)

    return done


def printed(pattern: str, new: str, name: str = "report.html") -> Change:
    """The first group of a pattern in a page or a card."""

    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        found = re.search(pattern, text, re.S)
        assert found is not None
        assert found[1] != new
        path.write_text(text[: found.start(1)] + new + text[found.end(1) :])

    return change


def told(**changed: Any) -> Change:
    """Entries of report.json itself: version, hash."""

    def change(folder: Path) -> None:
        path = folder / "report.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed, indent=1))

    return change


def shown(edit: Callable[[dict[str, Any]], Any], *, rendered: bool = False) -> Change:
    """What a page shows, in its data alone, or rendered anew by molre's own function as well."""

    def change(folder: Path) -> None:
        path = folder / "report.json"
        content = json.loads(path.read_text())
        before = json.dumps(content)
        edit(content["context"])
        assert json.dumps(content) != before
        path.write_text(json.dumps(content, indent=1))
        if rendered:
            write_report(folder / "report.html", content["template"], content["context"])

    return change


def replaced(folder: Path) -> None:
    (folder / "report.html").write_text("<h1>AUC 0.99 in 4,000 patients</h1>")


def resealed(folder: Path) -> None:
    """A number of the page, and the hash that report.json keeps of it."""
    NUMBER(folder)
    told(page_sha256=sha256((folder / "report.html").read_text()))(folder)


def of_another_molre(folder: Path) -> None:
    resealed(folder)
    told(molre_version="0.0.9")(folder)


def data_gone(folder: Path) -> None:
    NUMBER(folder)
    (folder / "report.json").unlink()


def card_and_data(folder: Path) -> None:
    """The card, and the part of report.json that it is made of."""
    part = read_report(folder / "report.json").context["card"][-1]["text"]
    shown(lambda context: context["card"][-1].update(text=part + "\n- None."))(folder)
    path = folder / "model" / "README.md"
    path.write_text(path.read_text().rstrip("\n") + "\n- None.\n")


NUMBER = printed(r">([+\u2212]?0\.\d{3})", "0.999")


def better(context: dict[str, Any]) -> None:
    """The first number that a finding has in a page, of whichever kind."""
    rows = context["sections"][0]["rows"] if "worst" in context else context["findings"]
    row = rows[0]
    key = next(key for key, value in row.items() if key != "name" and value)
    row[key] = "0.987" if isinstance(row[key], str) else 987


PAGES: tuple[Tampering, ...] = (
    Tampering(
        "a word in `report.html`",
        of_run(printed(r"The test split played (no) part", "a")),
        WRITTEN,
        RENDERED,
    ),
    Tampering(
        "a heading in `report.html`",
        of_run(printed("<h2>(Findings)</h2>", "Validated findings")),
        WRITTEN,
        RENDERED,
    ),
    Tampering(
        "a cell of a table in `report.html`",
        of_run(printed(r'<td class="number">(\d+)</td>', "4000")),
        WRITTEN,
        RENDERED,
    ),
    Tampering("an image in `report.html`", of_run(printed(r";base64,(.)", "A")), WRITTEN, RENDERED),
    Tampering("`report.html` replaced by another page", of_run(replaced), WRITTEN, RENDERED),
    Tampering(
        "a number in `report.html`, and its hash in `report.json`",
        of_run(resealed),
        WRITTEN,
        RENDERED,
    ),
    Tampering(
        "a number in `report.html`, its hash, and the version that rendered it",
        of_run(of_another_molre),
        WRITTEN,
        RENDERED,
        NOT_CHECKED,
    ),
    Tampering("a number in `report.json` alone", of_run(shown(better)), WRITTEN, RECOMPUTED),
    Tampering(
        "a caution struck from `report.json` and `report.html`",
        of_run(shown(lambda context: context["cautions"].clear(), rendered=True)),
        WRITTEN,
        RECOMPUTED,
    ),
    Tampering(
        "a number in `report.json` and `report.html`",
        of_run(shown(better, rendered=True)),
        WRITTEN,
        RECOMPUTED,
    ),
    Tampering(
        "a chart in `report.json` and `report.html`",
        of_run(shown(lambda context: context.update(forest="<svg></svg>"), rendered=True)),
        WRITTEN,
        RECOMPUTED,
    ),
    Tampering(
        "a limitation in the model card and in `report.json`",
        of_run(card_and_data),
        WRITTEN,
        RECOMPUTED,
    ),
    Tampering(
        "`report.json` deleted, a number in `report.html`",
        of_run(data_gone),
        WRITTEN,
        RECOMPUTED,
        NOT_CHECKED,
    ),
    Tampering(
        "`report.json` deleted, the model card kept", of_run(data_gone), WRITTEN, CARD, NOT_CHECKED
    ),
    Tampering(
        "a heading in a comparison's `report.html`",
        compared(printed("<h2>(Contrasts)</h2>", "Gains")),
        beside,
        RENDERED,
    ),
    Tampering(
        "a number in a comparison's `report.json` and `report.html`",
        compared(shown(better, rendered=True)),
        beside,
        "report.json from the runs",
    ),
    Tampering(
        "a number in a consistency check's `report.html`", steady(NUMBER), of_pairs, RENDERED
    ),
    Tampering(
        "a number in a consistency check's `report.json` and `report.html`",
        steady(shown(better, rendered=True)),
        of_pairs,
        "report.json from the pairs",
    ),
)
