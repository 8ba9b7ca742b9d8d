"""Everything that evaluating a run wrote, against the same run evaluated again beside it.

A scratch folder holds links to the run's files; ``molre evaluate`` is run there and replaces the
links that it writes. So each table is recomputed by what made it, and a table that a later molre
adds is checked as well, without a word here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from molre.audit.check import FAIL, NUMBERS, Check, compared, not_checked
from molre.audit.differences import cells, line_differences, table_differences
from molre.audit.report_differences import report
from molre.audit.run_under_audit import RunUnderAudit
from molre.errors import MolreError
from molre.model.folder import CARD as CARD_FILE
from molre.output.report_json import read_report
from molre.output.run.card import RESULTS, card_text
from molre.output.run.report import NEEDS_COHORT
from molre.runs.folder import FURTHER_TABLES, MANIFEST, METRICS, MODEL, VALUES, RunFolder
from molre.runs.folder import REPORT as PAGE
from molre.runs.manifest import write_manifest
from molre.runs.reading import read_table
from molre.workflows.evaluate_run import evaluate_and_report

NAME = "evaluation from predictions.parquet"
CARD = f"model/README.md as {VALUES} keeps it"
_KEYS = ("finding", "dimension", "group", "rule", "point", "prevalence", "threshold", "study")
# of the seal, an evaluation changes the card's hash alone, and loading looks at that
_NOT_EVALUATED = ("checksums.json", MANIFEST)


def evaluated(opened: RunUnderAudit) -> Iterator[Check]:
    """Check metrics, further tables, report and card of a run.

    A run that was never evaluated reports no numbers, so there are none to check.
    """
    if not was_evaluated(opened.path):
        yield not_checked(NUMBERS, NAME, "not evaluated (`molre evaluate`)")
        return
    with tempfile.TemporaryDirectory(prefix="molre-audit-") as place:
        try:
            scratch = evaluated_again(opened, Path(place))
        except (MolreError, pl.exceptions.PolarsError) as error:
            what = error.what if isinstance(error, MolreError) else str(error)
            yield Check(NUMBERS, NAME, FAIL, f"the run cannot be evaluated: {what}")
            return
        yield from against(opened.path, scratch, with_cohort=opened.has("cohort"))


def was_evaluated(run: Path) -> bool:
    """Whether anything that evaluating writes is there; if one file is, all have to be."""
    folder = RunFolder(run)
    tables = (folder.table(name) for name in (METRICS, *FURTHER_TABLES))
    written = any(path.is_file() for path in (folder.report, run / VALUES, *tables))
    return written or _shown_in_card(run)


def _shown_in_card(run: Path) -> bool:
    """Whether the model card holds results, which it gets together with the page."""
    card = RunFolder(run).model / CARD_FILE
    return card.is_file() and f"## {RESULTS}" in card.read_text(encoding="utf-8", errors="replace")


def evaluated_again(opened: RunUnderAudit, place: Path) -> Path:
    """A folder in ``place`` like the run's, evaluated; what evaluating wrote is no link there."""
    run = opened.path.resolve()
    scratch = place / run.name
    _link(run, scratch)
    if opened.moved is not None:
        moved = opened.manifest | {"cohort": str(opened.moved.resolve())}
        write_manifest(RunFolder(scratch), moved)
    evaluate_and_report(scratch)
    return scratch


def against(run: Path, scratch: Path, *, with_cohort: bool) -> Iterator[Check]:
    """Compare a run with its scratch copy of :func:`evaluated_again`."""
    for again in sorted(scratch.glob("*")):
        made = again.is_file() and not again.is_symlink() and again.name not in _NOT_EVALUATED
        if made and again.name not in (PAGE, VALUES):
            yield _table(run / again.name, again)
    without = () if with_cohort else NEEDS_COHORT
    shown = _shown_in_card(run)
    yield from report(run, scratch, "recomputed", "molre evaluate", without, shown=shown)
    card = scratch / MODEL / CARD_FILE  # an external evaluation has none
    if card.is_file() and not card.is_symlink():
        yield from _card(run)
    for table in FURTHER_TABLES:
        words = f"{table}.parquet recomputed"
        if not RunFolder(run).table(table).is_file() or RunFolder(scratch).table(table).exists():
            continue
        if with_cohort:
            yield Check(NUMBERS, words, FAIL, "the table is there, but nothing gives it")
        else:
            yield not_checked(NUMBERS, words, "its cohort is not available")


def _link(run: Path, scratch: Path) -> None:
    """A folder like the run's, whose files are links; writing replaces a link, never the file."""
    scratch.mkdir()
    for path in sorted(run.iterdir()):
        if path.name == MODEL and path.is_dir():
            (scratch / MODEL).mkdir()
            for inner in path.iterdir():
                (scratch / MODEL / inner.name).symlink_to(inner)
        else:
            (scratch / path.name).symlink_to(path)


def _table(stored: Path, again: Path) -> Check:
    """One table that evaluating wrote."""
    words = f"{stored.name} recomputed"
    if not stored.is_file():
        return Check(NUMBERS, words, FAIL, "the file is missing (`molre evaluate`)")
    try:
        old, new = read_table(stored), read_table(again)
    except MolreError as error:
        return Check(NUMBERS, words, FAIL, error.message)
    keys = [key for key in _KEYS if key in new.columns]
    return compared(NUMBERS, words, cells(new), table_differences(old, new, keys))


def _card(run: Path) -> Iterator[Check]:
    """The card is made of the parts that report.json keeps, which are recomputed with the rest."""
    card = run / MODEL / CARD_FILE
    if not card.is_file():
        yield Check(NUMBERS, CARD, FAIL, "the card is missing (`molre evaluate`)")
    elif not (run / VALUES).is_file():
        why = f"there is no {VALUES}, which keeps its parts: run `molre evaluate` again"
        yield not_checked(NUMBERS, CARD, why)
    else:
        try:
            again = card_text(read_report(run / VALUES).context["card"])
            found = line_differences(card.read_bytes().decode(), again)
        except (MolreError, KeyError, TypeError, ValueError):
            found, again = [f"{VALUES} is damaged, or the card is not text"], ""
        yield compared(NUMBERS, CARD, len(again.splitlines()), found)
