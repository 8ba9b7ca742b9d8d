"""``molre label``: a label table onto a cohort's studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    labels: Annotated[Path, typer.Argument(help="CSV, one row a study; 1, 0 or empty a finding.")],
    cohort: Annotated[Path, typer.Option(help="Cohort folder.")],
    id_column: Annotated[
        str | None,
        typer.Option(help="Column with UID, accession number, patient ID or path; found if usual."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Where the labels come from: reader, a data set's name ...")
    ] = None,
    labeller: Annotated[str, typer.Option(help="Name and version of who labelled.")] = "",
    ignore_column: Annotated[
        list[str] | None, typer.Option(help="A column that is not a finding; may be repeated.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace labels that are there.")] = False,
) -> None:
    """Match labels to scans: labels.parquet, and unmatched.csv for what found no partner.

    Example: molre label reads.csv --cohort cohort --id-column accession
    """
    from molre.cohort.match import match_labels

    done = match_labels(
        cohort, labels, id_column, source, labeller, ignore_column or (), overwrite=overwrite
    )
    typer.echo(done.as_json() if json else done.as_text())
