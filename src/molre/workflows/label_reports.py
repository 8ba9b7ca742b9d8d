"""Reports to a long label table, and to a cohort's labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from molre.cohort.cohort import write_table
from molre.cohort.rejects import Rejected, write_rejects
from molre.errors import MolreError
from molre.labels.columns import SAYS
from molre.labels.findings import findings
from molre.labels.long_table import state_counts
from molre.labels.reports.cell import Labeler
from molre.labels.reports.read_reports import ReportTable, read_reports
from molre.labels.reports.rules.labeler import RulesLabeler
from molre.progress import track
from molre.shard import Shard
from molre.table_files import write_csv

ENGINES = ("rules",)


@dataclass(frozen=True)
class LabeledReports:
    """What a labeler made of a table of reports.

    Attributes:
        long: a column that names the study, then finding, state, source, labeller, evidence.
        studies: that have labels.
        rejects: rows that have none, and why.
    """

    long: pl.DataFrame
    studies: int
    rejects: list[Rejected]

    def as_text(self) -> str:
        """Counts, for people."""
        lost = f"; {len(self.rejects)} rows without labels" if self.rejects else ""
        return f"{self.studies} studies labeled: {state_counts(self.long)}{lost}"


def label_reports(
    reports: str | Path,
    engine: str = "rules",
    *,
    id_column: str | None = None,
    text_columns: Sequence[str] = (),
    shard: str | tuple[int, int] | None = None,
) -> LabeledReports:
    """Label a table of reports; nothing leaves this machine.

    Several reports of a study are read as one, in the order of the table.

    Args:
        reports: CSV, JSON lines or Parquet, a row for each report.
        engine: ``rules``.
        id_column: that names the study; found among the usual names if not given.
        text_columns: that hold the text; found among the usual names if not given.
        shard: part of the studies, such as ``"1/4"``.

    Raises:
        MolreError: a table that cannot be read, an unknown engine, or no report that could be
            labeled.

    Examples:
        >>> import molre
        >>> done = molre.label_reports("reports.jsonl")
        >>> done.long.filter(done.long["state"] == "present")["finding"].to_list()
        ['ventriculomegaly', 'hydrocephalus']
    """
    if engine not in ENGINES:
        raise MolreError(f"unknown engine {engine!r}", fix=f"use {' or '.join(ENGINES)}")
    table = read_reports(reports, id_column, text_columns)
    labeled = label_table(table, RulesLabeler(findings()), Path(reports).name, Shard.of(shard))
    if labeled.long.is_empty() and labeled.rejects:
        first = labeled.rejects[0]
        raise MolreError(
            f"no report could be labeled ({first.file}: {first.reason})",
            where=reports,
            fix=first.remedy,
        )
    return labeled


def label_table(
    table: ReportTable, labeler: Labeler, name: str, shard: Shard = Shard()
) -> LabeledReports:
    """Label reports that were read.

    Args:
        table: the reports.
        labeler: that reads each.
        name: of the file, for rejects.
        shard: part of the studies.
    """
    lines: dict[str, list[int]] = {}
    rejects: list[Rejected] = []
    for report in table.reports:
        if report.study and report.text:
            lines.setdefault(report.study, []).append(report.line)
        elif report.study:
            rejects.append(_rejected(name, report.line, "the report is empty", "leave the row out"))
        else:
            rejects.append(_rejected(name, report.line, "the row names no study", "fill it in"))
    rows: list[tuple[str, ...]] = []
    studies, texts = 0, table.texts
    for study in track(shard.dealt(list(texts)), "labeling reports"):
        try:
            rows += _rows_of(study, texts[study], labeler)
            studies += 1
        except MolreError as error:
            rejects += [_rejected(name, n, error.what, error.fix or "") for n in lines[study]]
    schema = [table.id_column, *SAYS]
    long = pl.DataFrame(rows, schema=dict.fromkeys(schema, pl.String), orient="row")
    return LabeledReports(long, studies, rejects)


def _rejected(name: str, line: int, reason: str, remedy: str) -> Rejected:
    return Rejected(f"{name} line {line}", "", reason, remedy)


def _rows_of(study: str, text: str, labeler: Labeler) -> Iterator[tuple[str, ...]]:
    cells = labeler.label(text)
    for cell in cells:
        evidence = cell.evidence(text) + (f" [{cell.note}]" if cell.note else "")
        yield study, cell.finding, cell.state, labeler.source, labeler.labeller, evidence
    if not cells:  # a study whose report mentions nothing is labeled all the same
        first = findings().ids[0]
        yield study, first, "not_mentioned", labeler.source, labeler.labeller, ""


def write_labeled(labeled: LabeledReports, path: Path) -> Path:
    """Write the long table, as Parquet or by its suffix as CSV, and its rejects beside it.

    Returns:
        the rejects' file, ``<name>.rejects.csv``.
    """
    if path.suffix.lower() == ".csv":
        write_csv(path, labeled.long)
    else:
        write_table(path, labeled.long)
    rejects = rejects_of(path)
    write_rejects(rejects, labeled.rejects)
    return rejects


def rejects_of(path: Path) -> Path:
    """Where the rejects of a label table are written."""
    return path.with_name(f"{path.stem}.rejects.csv")
