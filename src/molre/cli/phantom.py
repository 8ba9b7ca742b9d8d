"""``molre phantom``: write synthetic head CT with known findings."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    studies: Annotated[int, typer.Option(help="Number of studies.")] = 20,
    seed: Annotated[
        int, typer.Option(help="Seed of the set; the same seed makes the same files.")
    ] = 0,
    severity: Annotated[
        float, typer.Option(help="Factor for the extent and contrast of findings.")
    ] = 1.0,
    level_dependent: Annotated[
        bool,
        typer.Option(
            "--level-dependent", help="Include looks whose meaning depends on the slice level."
        ),
    ] = False,
    findings: Annotated[
        str | None,
        typer.Option(help="Ids of findings to plant, separated by commas; all by default."),
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option(help="Probability of each finding in a study; 0.08 by default.")
    ] = None,
    enhanced: Annotated[
        bool,
        typer.Option("--enhanced", help="Write one Enhanced (multi-frame) CT object per study."),
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace phantoms made with other values.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write synthetic (phantom) head CT studies as DICOM, with labels and masks.

    Example: molre phantom --studies 100 --seed 1 -o phantoms
    """
    from molre.phantom.write import write_phantoms

    chosen = [f.strip() for f in findings.split(",") if f.strip()] if findings else None
    written = write_phantoms(
        out,
        studies,
        seed,
        severity=severity,
        level_dependent=level_dependent,
        findings=chosen,
        prevalence=prevalence,
        enhanced=enhanced,
        workers=workers,
        overwrite=overwrite,
    )
    if json:
        typer.echo(
            json_module.dumps(
                {
                    "synthetic": True,
                    "out": str(written.out),
                    "made": written.made,
                    "kept": written.kept,
                    "studies": written.studies,
                }
            )
        )
    else:
        typer.echo(f"{written.made} synthetic studies written, {written.kept} kept: {written.out}")
        typer.echo(f"labels (synthetic): {written.out / 'labels.csv'}")
