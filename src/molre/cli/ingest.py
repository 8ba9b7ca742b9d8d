"""``molre ingest``: files to a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def command(
    paths: Annotated[
        list[Path], typer.Argument(help="Folders, zips, DICOM or NIfTI files; any number.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Cohort folder to write or to grow.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    missing_slices: Annotated[
        Literal["warn", "refuse"],
        typer.Option(help="A gap in the slices: warn (note it) or refuse."),
    ] = "warn",
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[
        bool, typer.Option(help="Read unchanged studies again; salt and splits stay.")
    ] = False,
) -> None:
    """Read head CT into a cohort: scans.parquet, rejects.csv, and index.html to look at.

    Run it again to go on where it stopped, or with more paths to add studies. A localizer or dose
    page inside a study that was read is listed in rejects.csv and is no failure (exit 0); a study
    or stand-alone file that could not be used is one (exit 1).

    Example: molre ingest /data/headct -o cohort
    """
    from molre.cohort.ingest import ingest
    from molre.output.cohort_html import write_contact_sheet

    done = ingest(paths, out, workers=workers, overwrite=overwrite, missing_slices=missing_slices)
    page = write_contact_sheet(done.cohort)
    typer.echo(done.as_json() if json else f"{done.as_text()}\nlook at {page}")
    raise typer.Exit(done.exit_code)
