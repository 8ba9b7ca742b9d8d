"""``molre split``: patients to train, tune, calibrate and test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    cohort: Annotated[Path, typer.Argument(help="Cohort folder.")],
    fractions: Annotated[
        tuple[float, float, float, float],
        typer.Option(help="Shares of train, tune, calibrate and test."),
    ] = (0.6, 0.1, 0.1, 0.2),
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    overwrite: Annotated[
        bool, typer.Option(help="Discard the frozen splits and assign all patients again.")
    ] = False,
) -> None:
    """Split patients by a salted hash, frozen in splits.csv; patients already there keep their
    split.

    Reports how many patients have each finding in each split, and what they are too few for.

    Example: molre split cohort
    """
    import json as encoder

    from molre.cohort.cohort import Cohort
    from molre.cohort.split import describe, split
    from molre.cohort.support import as_lines, as_rows, supports, warnings

    table = split(cohort, fractions, overwrite=overwrite)
    opened = Cohort(cohort)
    counts = supports(opened)
    said = warnings(opened, counts)
    if json:
        content = encoder.loads(describe(table, cohort, as_json=True))
        typer.echo(encoder.dumps(content | {"findings": as_rows(counts), "warnings": said}))
        return
    for line in [describe(table, cohort), *as_lines(counts), *(f"warning: {w}" for w in said)]:
        typer.echo(line)
