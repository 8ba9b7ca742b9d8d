"""``molre label``: reports, or a table of labels, to the labels of a cohort's studies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

_OF_ENGINES = ("--text-column", "--shard")
_OF_SETS = ("--scans", "--reader", "--agreement")
_OF_TABLES = ("--id-column", "--source", "--labeller", "--ignore-column", "--export")


def command(
    labels: Annotated[
        Path | None,
        typer.Argument(
            help="CSV, one row per study: 1, 0 or empty for each finding; or a CSV or Parquet with "
            "columns study, finding, state; with --engine a table of reports; with --from a data "
            "set's label file or folder."
        ),
    ] = None,
    cohort: Annotated[Path | None, typer.Option(help="Cohort folder.")] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="A public data set: cq500, rsna-ich or ct-ich."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="With --engine or --from: write the long table to this Parquet."
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="Label reports: rules (offline; a grammar that can be read)."),
    ] = None,
    text_column: Annotated[
        list[str] | None,
        typer.Option(help="With --engine: a column of text; usual names are found. May repeat."),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="With --engine: part of the studies, 1/4 to 4/4.")
    ] = None,
    scans: Annotated[
        Path | None,
        typer.Option(
            help="With rsna-ich: folder of the scans, or a CSV with SOPInstanceUID and "
            "StudyInstanceUID."
        ),
    ] = None,
    reader: Annotated[
        int | None, typer.Option(help="With cq500: reader 1, 2 or 3 alone, not the majority.")
    ] = None,
    agreement: Annotated[
        Path | None,
        typer.Option(help="With cq500: write how far the three readers agree to this CSV."),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            help="Column with UID, accession number, patient ID or path; usual names are found."
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Where the labels come from: reader, a data set's name ...")
    ] = None,
    labeller: Annotated[str, typer.Option(help="Name and version of who labeled.")] = "",
    ignore_column: Annotated[
        list[str] | None, typer.Option(help="A column that is not a finding; may be repeated.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the cohort's labels to this wide CSV: 1, 0 or empty."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    overwrite: Annotated[
        bool, typer.Option(help="Replace existing labels, or an existing file.")
    ] = False,
) -> None:
    """Label reports, or match labels to scans: labels.parquet, and unmatched.csv for the rest.

    With --engine rules a table of reports (CSV, JSON lines or Parquet) is labeled on this machine:
    75 findings, each present, absent, uncertain or not mentioned, with the words that say so. What
    cannot be labeled is in LABELS.rejects.csv.

    A long table has one row per study and finding, and can record more than a wide one: state
    present, absent, uncertain or not_mentioned, source, labeller and evidence. With --export the
    labels of the cohort are written as a wide CSV, by the studies' keys; uncertain and
    not_mentioned are empty there.

    Example: molre label reads.csv --cohort cohort --id-column accession

    Example: molre label --cohort cohort --export wide.csv

    Example: molre label reports.csv --engine rules -o labels.parquet --cohort cohort

    Example: molre label reads.csv --from cq500 --cohort cohort
    """
    from molre.cohort.match import export_labels, match_labels
    from molre.errors import MolreError

    if from_ is not None:
        wanted = _Wanted(from_, labels, cohort, out, scans, reader, agreement)
        wanted.refuse_others(id_column, source, labeller, ignore_column, export)
        wanted.label(json=json, overwrite=overwrite)
        return
    if engine is not None:
        reports = _Reports(engine, labels, cohort, out, id_column, text_column or [], shard)
        reports.label(json=json, overwrite=overwrite)
        return
    nothing = "engine and no data set"
    _refuse_without(nothing, "add --engine rules, or --from", [("--out", out)])
    _refuse_without(
        "engine", "add --engine rules", zip(_OF_ENGINES, (text_column, shard), strict=True)
    )
    _refuse_without(
        "data set",
        "add --from cq500, --from rsna-ich or --from ct-ich",
        zip(_OF_SETS, (scans, reader, agreement), strict=True),
    )
    if cohort is None:
        raise MolreError("no cohort is given", fix="add --cohort COHORT")
    if labels is None and export is None:
        raise MolreError("no label table is given", fix="name one, or --export WIDE.csv")
    if labels is not None:
        done = match_labels(
            cohort, labels, id_column, source, labeller, ignore_column or (), overwrite=overwrite
        )
        typer.echo(done.as_json() if json else done.as_text())
    if export is not None:
        studies = export_labels(cohort, export, overwrite=overwrite)
        typer.echo(f"{studies} studies in {export}", err=json)


def _refuse_without(what: str, fix: str, options: Iterable[tuple[str, object]]) -> None:
    """Options that mean nothing where no engine, or no data set, is named."""
    from molre.errors import MolreError

    for name, value in options:
        if value is not None:
            raise MolreError(f"{name} is given, but no {what}", fix=fix)


@dataclass(frozen=True)
class _Reports:
    """What is asked of an engine."""

    engine: str
    path: Path | None
    cohort: Path | None
    out: Path | None
    id_column: str | None
    text_columns: list[str]
    shard: str | None

    def label(self, *, json: bool, overwrite: bool) -> None:
        """Label, write and match."""
        from molre.cohort.match import match_labels
        from molre.cohort.rejects import write_rejects
        from molre.errors import MolreError
        from molre.folders import check_new
        from molre.workflows.label_reports import label_reports, rejects_of, write_labeled

        if self.path is None:
            raise MolreError("no table of reports is given", fix="molre label REPORTS.csv ...")
        if self.cohort is None and self.out is None:
            raise MolreError(
                "there is nowhere to put the labels", fix="add -o LABELS.parquet or --cohort COHORT"
            )
        if self.out is not None:
            check_new(self.out, overwrite=overwrite)
        found = label_reports(
            self.path,
            self.engine,
            id_column=self.id_column,
            text_columns=self.text_columns,
            shard=self.shard,
        )
        if self.cohort is not None:
            columns = found.long.columns
            matched = match_labels(self.cohort, found.long, columns[0], overwrite=overwrite)
            rejects = rejects_of(self.cohort / "labels.parquet")
            write_rejects(rejects, found.rejects)
        if self.out is not None:
            rejects = write_labeled(found, self.out)
        typer.echo(found.as_text() + (f", see {rejects}" if found.rejects else ""), err=json)
        if self.cohort is not None:
            typer.echo(matched.as_json() if json else matched.as_text())


@dataclass(frozen=True)
class _Wanted:
    """What is asked of a public data set."""

    name: str
    path: Path | None
    cohort: Path | None
    out: Path | None
    scans: Path | None
    reader: int | None
    agreement: Path | None

    def refuse_others(self, *options: object) -> None:
        """Options of other label tables, which a data set answers itself."""
        from molre.errors import MolreError

        for name, value in zip(_OF_TABLES, options, strict=True):
            if value:
                raise MolreError(f"{name} does not go with --from", fix=f"leave out {name}")
        if self.path is None:
            raise MolreError("no label file is given", fix=f"molre label PATH --from {self.name}")
        if self.agreement is not None and self.name != "cq500":
            raise MolreError("--agreement is of CQ500's three readers", fix="leave out --agreement")
        if self.cohort is None and self.out is None and self.agreement is None:
            raise MolreError(
                "there is nowhere to put the labels", fix="add -o LABELS.parquet or --cohort COHORT"
            )

    def label(self, *, json: bool, overwrite: bool) -> None:
        """Read, write and match."""
        from molre.evaluation.reader_agreement import as_text
        from molre.folders import check_new
        from molre.workflows.label_dataset import (
            match_data_set,
            read_data_set,
            write_agreement,
            write_labels,
        )

        assert self.path is not None
        for file in (self.out, self.agreement):  # all before anything is written
            if file is not None:
                check_new(file, overwrite=overwrite)
        found = read_data_set(self.name, self.path, self.reader, self.scans)
        if self.cohort is not None:
            matched = match_data_set(self.name, found, self.cohort, overwrite=overwrite)
        if self.out is not None:
            write_labels(found, self.out, overwrite=overwrite)
        if self.agreement is not None:
            kappas = write_agreement(self.path, self.agreement, overwrite=overwrite)
            typer.echo(f"Fleiss' kappa of the three readers:\n{as_text(kappas)}", err=json)
        typer.echo(found.as_text(), err=json)
        if self.cohort is not None:
            typer.echo(matched.as_json() if json else matched.as_text())
