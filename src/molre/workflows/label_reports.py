"""Reports to a long label table, and to a cohort's labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from molre.cohort.rejects import Rejected, write_rejects
from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.reports.cell import Labeler
from molre.labels.reports.read_reports import Report, ReportTable, read_reports
from molre.labels.reports.rules.labeler import RulesLabeler
from molre.progress import track
from molre.shard import Shard
from molre.table_files import write_csv

ENGINES = ("rules",)
COLUMNS = ("finding", "state", "source", "labeller", "evidence")


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
        states = {
            s: int((self.long["state"] == s).sum()) for s in ("present", "absent", "uncertain")
        }
        said = ", ".join(f"{count} {state}" for state, count in states.items())
        lost = f"; {len(self.rejects)} rows without labels" if self.rejects else ""
        return f"{self.studies} studies labeled: {said}{lost}"


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
    rejects = [
        Rejected(f"{name} line {r.line}", "", "the row names no study", "fill it in")
        for r in table.reports if not r.study
    ]  # fmt: skip
    rejects += [
        Rejected(f"{name} line {r.line}", "", "the report is empty", "leave the row out")
        for r in table.reports if r.study and not r.text
    ]  # fmt: skip
    by_study: dict[str, list[Report]] = {}
    for report in table.reports:
        if report.study and report.text:
            by_study.setdefault(report.study, []).append(report)
    rows: list[tuple[str, ...]] = []
    studies = 0
    for study in track(shard.dealt(list(by_study)), "labeling reports"):
        try:
            rows += _rows_of(study, by_study[study], labeler)
            studies += 1
        except MolreError as error:
            rejects += [
                Rejected(f"{name} line {r.line}", "", error.what, error.fix or "")
                for r in by_study[study]
            ]
    schema = [table.id_column, *COLUMNS]
    long = pl.DataFrame(rows, schema=dict.fromkeys(schema, pl.String), orient="row")
    return LabeledReports(long, studies, rejects)


def _rows_of(study: str, reports: list[Report], labeler: Labeler) -> Iterator[tuple[str, ...]]:
    text = "\n\n".join(r.text for r in reports)
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
    from molre.cohort.cohort import write_table

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
