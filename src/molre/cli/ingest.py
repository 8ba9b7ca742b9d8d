"""``molre ingest``: files to a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from molre.cohort.ingest import Ingested


def command(
    paths: Annotated[list[Path], typer.Argument(help="Folders, zips, tars, DICOM or NIfTI files.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Cohort folder to create or extend.")],
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    cache: Annotated[
        bool, typer.Option("--cache", help="Keep the chosen series, compressed, in OUT/volumes.")
    ] = False,
    missing_slices: Annotated[
        Literal["warn", "refuse"],
        typer.Option(help="A gap in the slices: warn (note it) or refuse."),
    ] = "warn",
    hu_map: Annotated[
        str | None,
        typer.Option(help="NIfTI not in HU: cormack, h2c or SCALE:INTERCEPT, e.g. 1:-1024."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(help="Read only shard I of N of the studies, e.g. 3/8; see below."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Read on a Dask cluster, e.g. tcp://head:8786, not in WORKERS."),
    ] = None,
    pseudonym_map: Annotated[
        Path | None,
        typer.Option(help="Also write a CSV of identifiers and pseudonyms here, outside OUT."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print studies, slices, GB and hours; write nothing.")
    ] = False,
    no_paths: Annotated[
        bool, typer.Option("--no-paths", help="Leave folders and files out of the contact sheet.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[
        bool, typer.Option(help="Read unchanged studies again; salt and splits are kept.")
    ] = False,
) -> None:
    """Read head CT into a cohort: scans.parquet, rejects.csv, and index.html, a contact sheet.

    Run it again to resume where it stopped, or with more paths to add studies. A localizer or dose
    page inside a study that was read is listed in rejects.csv and is not a failure (exit 0); a
    study or stand-alone file that could not be used is one (exit 1).

    On several machines, run the same command once for each shard, --shard 1/8 to 8/8, in
    parallel or one after the other, with one OUT that all of them can see. The last one to finish
    writes the whole cohort.

    Example: molre ingest /data/headct -o cohort
    """
    from molre.cohort.ingest import ingest

    if dry_run:
        from molre.cohort.dry_run import dry_run as estimate

        found = estimate(paths, workers)
        typer.echo(found.as_json() if json else found.as_text())
        return
    if pseudonym_map:
        from molre.cohort.pseudonym_map import COLUMNS, OF_COHORT
        from molre.folders import claim_map

        claim_map(pseudonym_map, out, OF_COHORT, ",".join(COLUMNS))  # before hours are spent
    done = ingest(
        paths,
        out,
        workers=workers,
        scheduler=scheduler,
        shard=shard,
        cache=cache,
        hu_map=hu_map,
        overwrite=overwrite,
        missing_slices=missing_slices,
    )
    _finish(done, paths, pseudonym_map, json, no_paths)


def _finish(
    done: Ingested, paths: list[Path], pseudonym_map: Path | None, json: bool, no_paths: bool
) -> None:
    from molre.output.cohort.report import write_contact_sheet

    page = write_contact_sheet(done.cohort, paths=not no_paths)
    typer.echo(done.as_json() if json else f"{done.as_text()}\nlook at {page}")
    if pseudonym_map:
        from molre.cohort.pseudonym_map import write_map

        write_map(paths, done.cohort.path, done.cohort.salt, pseudonym_map)
    raise typer.Exit(done.exit_code)
