"""``molre label-merge``: a reader's decisions over a machine's labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    labels: Annotated[Path, typer.Argument(help="Label table: long CSV or Parquet, or wide CSV.")],
    decisions: Annotated[Path, typer.Argument(help="decisions.csv of an adjudication sheet.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Table to write: .parquet or .csv, long.")
    ],
    id_column: Annotated[
        str | None, typer.Option(help="Column of LABELS that names the study.")
    ] = None,
    ignore_column: Annotated[
        list[str] | None, typer.Option(help="A column that is not a finding; may be repeated.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
) -> None:
    """Put a reader's decisions in the place of what LABELS say of these cells.

    A decided cell has the source `reader`, and so has what follows from it: of a present finding
    those above it, of an absent one those below it. All other cells keep their source, so that
    training, evaluation and the model card show how labels are mixed.

    Example: molre label-merge labels.parquet decisions.csv -o merged.parquet
    """
    from molre.workflows.label_merge import merge_labels

    done = merge_labels(labels, decisions, out, id_column, ignore_column or (), overwrite=overwrite)
    typer.echo(
        f"{done.decided} cells decided by a reader, {done.changed} of them otherwise than the "
        f"labels; {done.followed} more cells follow from these; {out}"
    )
    if done.overruled:
        typer.echo(
            f"{done.overruled} decisions were kept out: a finding below is present, or one above "
            "absent, so they cannot be uncertain or not mentioned",
            err=True,
        )
    if done.strangers:
        typer.echo(f"{done.strangers} decisions are of studies that the labels lack", err=True)
