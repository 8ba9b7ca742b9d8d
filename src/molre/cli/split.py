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
        bool, typer.Option(help="Forget the frozen splits and deal all patients again.")
    ] = False,
) -> None:
    """Split patients by a salted hash and freeze it in splits.csv; patients there keep theirs.

    Example: molre split cohort
    """
    from molre.cohort.split import describe, split

    table = split(cohort, fractions, overwrite=overwrite)
    typer.echo(describe(table, cohort, as_json=json))
