"""Two label tables compared, and the page, JSON and CSV that say how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from molre import files
from molre.errors import MolreError
from molre.evaluation.labels.agreement import LabelAudit, label_audit
from molre.evaluation.labels.agreement_file import AGREEMENT, agreement_json
from molre.evaluation.labels.cells import Side, compare_cells, labelers
from molre.evaluation.labels.sample import read_sample
from molre.folders import claim
from molre.labels.columns import id_column, plain
from molre.labels.findings import findings
from molre.labels.long_table import STATES
from molre.labels.read_labels import is_parquet, open_parquet, read_labels
from molre.labels.rows import read_rows
from molre.labels.stated import stated
from molre.output.label_audit.report import csv_rows, write_label_audit
from molre.table_files import write_csv
from molre.workflows.label_sheet import check_sheet, write_disagreements

PATIENT_COLUMNS = ("patient", "patientid", "subject", "subjectid")


@dataclass(frozen=True)
class Tables:
    """What is compared, and how.

    Attributes:
        labels: the table that is judged, or one of two labelers'.
        truth: what it is held against, or the other's.
        id_column, truth_id_column: that name the studies; found if not given.
        ignore: columns of either to leave out.
        patients: table of studies and their patients.
        sample: of ``molre label-sample``.
        two_labelers: neither is the truth.
        every_finding: also those that only one of them speaks of.
        reports, sheet: table of texts, and the page of disagreements to write.
        every_state: the page asks of absent against not mentioned, too.
    """

    labels: Path
    truth: Path
    id_column: str | None = None
    truth_id_column: str | None = None
    ignore: Sequence[str] = ()
    patients: Path | None = None
    sample: Path | None = None
    two_labelers: bool = False
    every_finding: bool = False
    reports: Path | None = None
    sheet: Path | None = None
    every_state: bool = False

    @property
    def names(self) -> tuple[str, str]:
        """What the two are called."""
        return ("A", "B") if self.two_labelers else ("labels", "truth")

    def sides(self) -> tuple[Side, Side]:
        """Both tables, read.

        Raises:
            MolreError: one of them is not a label table.
        """
        return (
            _side(self.names[0], self.labels, self.id_column, self.ignore),
            _side(self.names[1], self.truth, self.truth_id_column, self.ignore),
        )


def _side(name: str, path: Path, id_name: str | None, ignore: Sequence[str]) -> Side:
    _, long = read_labels(path, findings(), id_name, source="not stated", ignore=ignore)
    return Side(name, long, stated(path, findings(), id_name, ignore))


def audit_labels(tables: Tables, out: Path, *, overwrite: bool = False) -> LabelAudit:
    """Compare two label tables and write OUT/report.html, report.json, agreement.json and CSVs.

    Args:
        tables: what is compared, and how.
        out: folder to write.
        overwrite: write over an audit that is there.

    Raises:
        MolreError: a bad table, nothing to compare, or OUT holds something else.
    """
    claim(out, "label-audit")
    if (out / AGREEMENT).exists() and not overwrite:
        raise MolreError("already exists", where=out, fix="add --overwrite to replace it")
    if (tables.sheet is None) != (tables.reports is None):
        raise MolreError("--sheet and --reports go together", fix="give both, or none")
    if tables.sheet is not None:
        check_sheet(tables.sheet, overwrite=overwrite)
    first, second = tables.sides()
    patients = None if tables.patients is None else read_patients(tables.patients)
    cells = compare_cells(
        first,
        second,
        findings(),
        patients=patients,
        sample=None if tables.sample is None else read_sample(tables.sample),
        every_finding=tables.every_finding,
    )
    audit = label_audit(cells, grouped=patients is not None)
    about = {
        "first": tables.names[0],
        "second": tables.names[1],
        "labelers": labelers(first.labels),
        "truth": labelers(second.labels),
        "two_labelers": tables.two_labelers,
    }
    write_csv(out / "agreement.csv", pl.DataFrame(csv_rows(audit), infer_schema_length=None))
    write_csv(out / "confusion.csv", _confusion(audit))
    files.write_text(out / AGREEMENT, agreement_json(audit, about))
    write_label_audit(audit, about, out / "report.html")
    if tables.sheet is not None and tables.reports is not None:
        write_disagreements(
            cells,
            (first, second),
            tables.reports,
            tables.sheet,
            every_state=tables.every_state,
        )
    return audit


def read_patients(path: Path) -> dict[str, str]:
    """Patient of each study, from a CSV or Parquet table with a column for each (scans.parquet).

    Raises:
        MolreError: no such columns, or a study with two patients.
    """
    if is_parquet(path):
        frame = open_parquet(path)
    else:
        header, rows = read_rows(path)
        frame = pl.DataFrame([row for _, row in rows], schema=header, orient="row")
    owner = next((c for c in frame.columns if plain(c) in PATIENT_COLUMNS), None)
    if owner is None:
        raise MolreError("has no column 'patient'", where=path, fix="give study and patient")
    name = id_column(path, [c for c in frame.columns if c != owner], None)
    pairs = frame.select(
        pl.col(name).cast(pl.String).str.strip_chars().alias("study"),
        pl.col(owner).cast(pl.String).str.strip_chars().alias("patient"),
    ).drop_nulls()
    pairs = pairs.filter(pl.col("patient") != "").unique()
    if pairs["study"].is_duplicated().any():
        raise MolreError("a study has two patients", where=path, fix="keep one of them")
    return dict(pairs.iter_rows())


def _confusion(audit: LabelAudit) -> pl.DataFrame:
    first, second = "first", "second"
    return pl.DataFrame(
        [
            {"finding": one.finding, first: a, second: b, "cells": int(one.confusion[i, j])}
            for one in (*audit.findings, audit.micro)
            for i, a in enumerate(STATES)
            for j, b in enumerate(STATES)
        ]
    )
