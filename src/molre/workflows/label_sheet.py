"""An adjudication sheet: of what two tables differ in, or blind, of the cells of a sample."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from molre.errors import MolreError
from molre.evaluation.labels.cells import ABSENT, NOT_MENTIONED, Cells, Side, labelers
from molre.folders import check_new
from molre.labels.findings import findings
from molre.labels.long_table import STATES
from molre.labels.reports.read_reports import read_reports
from molre.output.label_audit.sheet import Answer, Question, Sheet, write_sheet


def check_sheet(path: Path, *, overwrite: bool) -> None:
    """Refuse a place that no sheet can be written to, before anything is computed.

    Raises:
        MolreError: it is a folder, holds something already, or cannot be written to.
    """
    if path.is_dir():
        raise MolreError("is a folder", where=path, fix="name a file, e.g. sheet.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise MolreError("is not the name of a page", where=path, fix="name it sheet.html")
    check_new(path, overwrite=overwrite)


def write_disagreements(
    cells: Cells, sides: tuple[Side, Side], reports: Path, path: Path, *, every_state: bool = False
) -> int:
    """Write a sheet of the cells that two tables differ in.

    Args:
        cells: compared.
        sides: the two tables, for their evidence.
        reports: table of texts.
        path: of the page.
        every_state: also cells that one calls absent and the other does not mention.

    Returns:
        How many questions it asks.
    """
    texts = read_reports(reports).texts
    silent = {ABSENT, NOT_MENTIONED}
    evidence = [_evidence(side) for side in sides]
    questions, quiet = [], 0
    for study, k, *pair in zip(
        cells.studies.tolist(),
        cells.finding.tolist(),
        cells.first.tolist(),
        cells.second.tolist(),
        strict=True,
    ):
        if pair[0] == pair[1]:
            continue
        if not every_state and set(pair) <= silent:
            quiet += 1
            continue
        cell = study, cells.findings[k]
        answers = (
            Answer(side, STATES[code], evidence[side].get(cell, ""))
            for side, code in enumerate(pair)
        )
        questions.append(Question(*cell, tuple(answers)))
    notes = []
    if quiet:
        notes.append(
            f"{quiet:,} cells that one table calls absent and the other does not mention are not "
            "asked."
        )
    names = tuple(f"{side.name} ({', '.join(labelers(side.labels))})" for side in sides)
    title = "What two labelers differ in" if sides[0].name == "A" else "Labels and truth differ"
    return _write(title, questions, texts, names, notes, path)


def write_blind(sample: pl.DataFrame, reports: Path, path: Path) -> int:
    """Write a sheet of a sample's cells that shows no label.

    Args:
        sample: columns study and finding.
        reports: table of texts.
        path: of the page.

    Returns:
        How many questions it asks.
    """
    order = {f: k for k, f in enumerate(findings().ids)}
    rows = sample.select("study", "finding").rows()
    first = {study: n for n, (study, _) in reversed(list(enumerate(rows)))}
    rows.sort(key=lambda row: (first[row[0]], order[row[1]]))
    title = "What do these reports say?"
    return _write(
        title, [Question(*row) for row in rows], read_reports(reports).texts, (), [], path
    )


def _write(
    title: str,
    questions: Iterable[Question],
    texts: dict[str, str],
    sides: tuple[str, ...],
    notes: list[str],
    path: Path,
) -> int:
    asked = list(questions)
    there = [question for question in asked if question.study in texts]
    if asked and not there:
        raise MolreError(
            "no report is of a study that is asked about",
            where=path,
            fix="name the studies of REPORTS as the label tables do",
        )
    if gone := len(asked) - len(there):
        notes = [*notes, f"{gone:,} cells are not asked: their report is not in the table."]
    needed = {question.study: texts[question.study] for question in there}
    write_sheet(Sheet(title, tuple(there), needed, sides, tuple(notes)), findings(), path)
    return len(there)


def _evidence(side: Side) -> dict[tuple[str, str], str]:
    rows = side.labels.filter(pl.col("evidence") != "").select("id", "finding", "evidence").rows()
    return {(study, finding): words for study, finding, words in rows}
