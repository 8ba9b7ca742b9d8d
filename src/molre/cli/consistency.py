"""``molre consistency``: whether another kernel or thickness changes the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    model: Annotated[Path, typer.Argument(help="Model folder: RUN/model.")],
    cohort: Annotated[
        Path, typer.Argument(help="Cohort in which some studies have several series.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    split: Annotated[
        str | None, typer.Option(help="Only studies of train, tune, calibrate or test.")
    ] = None,
    even_if_withheld: Annotated[
        bool, typer.Option(help="Also compare pairs of which one would be withheld.")
    ] = False,
    weights_dir: Annotated[
        Path | None, typer.Option(help="Folder with the backbone's weights.")
    ] = None,
    device: Annotated[str, typer.Option(help="torch device for the backbone.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Read every eligible series of each study, and compare the probabilities.

    Needs no labels. For each finding: mean absolute drift, limits of agreement, and how often the
    answer flips at the model's threshold, by what the series differ in. `molre audit OUT`
    recomputes the tables. Exit 1 if a series could not be read (rejects.csv).

    Example: molre consistency runs/molre-0/model COHORT -o consistency
    """
    from molre.cohort.cohort import SPLITS
    from molre.errors import MolreError, did_you_mean
    from molre.evaluation.consistency import MEAN
    from molre.folders import claim
    from molre.output.numbers import interval, number
    from molre.workflows.consistency import consistency

    if split is not None and split not in SPLITS:
        raise MolreError(f"no split is called {split!r}", fix=did_you_mean(split, SPLITS))
    claim(out, "consistency")
    done = consistency(
        model,
        cohort,
        out,
        split=split,
        even_if_withheld=even_if_withheld,
        weights_dir=weights_dir,
        device=device,
    )
    if json:
        typer.echo(done.table.write_json())
    else:
        for row in done.table.to_dicts():
            if row["finding"] == MEAN:
                typer.echo(
                    f"another {row['contrast']}: {row['pairs']} pairs, mean drift "
                    f"{number(row['drift'])} ({interval(row['drift_low'], row['drift_high'])})"
                )
        typer.echo(f"report: {out / 'report.html'}")
    raise typer.Exit(1 if done.failed else 0)
