"""``molre label``: a label table matched to a cohort's studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    cohort: Annotated[Path, typer.Option(help="Cohort folder.")],
    labels: Annotated[
        Path | None,
        typer.Argument(
            help="CSV, one row per study: 1, 0 or empty for each finding; or a CSV or Parquet with "
            "columns study, finding, state."
        ),
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
    """Match labels to scans: labels.parquet, and unmatched.csv for what did not match.

    A long table has one row per study and finding, and can record more than a wide one: state
    present, absent, uncertain or not_mentioned, source, labeller and evidence. With --export the
    labels of the cohort are written as a wide CSV, by the studies' keys; uncertain and
    not_mentioned are empty there.

    Example: molre label reads.csv --cohort cohort --id-column accession

    Example: molre label --cohort cohort --export wide.csv
    """
    from molre.cohort.match import export_labels, match_labels
    from molre.errors import MolreError

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
