"""``molre label-sample``: which labels a person should check, and how many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molre.errors import MolreError


def command(
    labels: Annotated[Path, typer.Argument(help="Label table: long CSV or Parquet, or wide CSV.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Sample to write, a CSV.")],
    present: Annotated[
        int | None,
        typer.Option(help="Cells of each finding that LABELS call present; 20 by default."),
    ] = None,
    others: Annotated[int, typer.Option(help="Cells of each finding in each other state.")] = 10,
    half_width: Annotated[
        float | None,
        typer.Option(help="In place of --present: half-width of the interval of PPV, e.g. 0.05."),
    ] = None,
    expected: Annotated[float, typer.Option(help="With --half-width: PPV that is expected.")] = 0.9,
    consecutive: Annotated[
        int, typer.Option(help="Studies that are added whole, the first of LABELS.")
    ] = 0,
    finding: Annotated[
        list[str] | None, typer.Option(help="Only this finding; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    reports: Annotated[
        Path | None, typer.Option(help="Texts: CSV, Parquet or JSONL with id and text.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="With --reports: page on which they are read blind.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="Column of LABELS that names the study.")
    ] = None,
    ignore_column: Annotated[
        list[str] | None, typer.Option(help="A column that is not a finding; may be repeated.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT and SHEET.")] = False,
) -> None:
    """Draw labels for a person to check: some of each finding and state, so that rare ones are in.

    Each drawn cell keeps how many it stands for; `molre label-audit --sample` weighs by it, so that
    the numbers hold for all LABELS. PPV is as sure as --present or --half-width make it.
    Sensitivity rests on --others, too: on how few of what LABELS do not call is read as present.

    Example: molre label-sample labels.parquet -o sample.csv --half-width 0.1 --consecutive 30

    Example: molre label-sample labels.csv -o sample.csv --reports reports.csv --sheet read.html
    """
    from molre.evaluation.labels.sample import Plan, cells_needed
    from molre.workflows.label_sample import sample_labels
    from molre.workflows.label_sheet import check_sheet, write_blind

    if (reports is None) != (sheet is None):
        raise MolreError("--sheet and --reports go together", fix="give both, or none")
    if half_width is not None and present is not None:
        raise MolreError("--present and --half-width say the same", fix="give one of them")
    for name, value in (
        ("--present", present),
        ("--others", others),
        ("--consecutive", consecutive),
    ):
        if value is not None and value < 0:
            raise MolreError(f"{value} is negative", where=name)
    wanted = 20 if present is None else present
    if half_width is not None:
        wanted = cells_needed(half_width, expected)
    if sheet is not None:
        check_sheet(sheet, overwrite=overwrite)
    plan = Plan(wanted, others, consecutive, seed)
    done = sample_labels(
        labels, out, plan, finding or (), id_column, ignore_column or (), overwrite=overwrite
    )
    studies = done.sample["study"].n_unique()
    typer.echo(
        f"{len(done.sample):,} of {done.cells:,} cells, of {studies:,} studies; up to {wanted} "
        f"present and {others} of each other state of each finding: {out}"
    )
    if done.short:
        typer.echo(
            f"{len(done.short)} findings have fewer than {wanted} present cells; all they have was "
            f"taken ({', '.join(done.short[:5])}{' ...' if len(done.short) > 5 else ''})",
            err=True,
        )
    if sheet is not None and reports is not None:
        asked = write_blind(done.sample, reports, sheet)
        typer.echo(f"{asked} questions, without the labels, in {sheet}: it holds patients' reports")
