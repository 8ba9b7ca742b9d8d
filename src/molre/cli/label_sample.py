"""``molre label-sample``: which labels a person should check, and how many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molre.errors import MolreError

if TYPE_CHECKING:
    import polars as pl

    from molre.evaluation.labels.sample import Plan
    from molre.workflows.label_sample import Drawn


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
    expected: Annotated[
        float, typer.Option(help="PPV and sensitivity that are expected, for the widths.")
    ] = 0.9,
    plan: Annotated[
        Path | None,
        typer.Option(help="Write how sure each finding's numbers will be, a CSV."),
    ] = None,
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
    from molre.evaluation.labels.plan import SCHEMA, Aim
    from molre.evaluation.labels.sample import Plan, cells_needed
    from molre.folders import claim_file
    from molre.table_files import write_csv
    from molre.workflows.label_sample import sample_labels
    from molre.workflows.label_sheet import check_sheet, write_blind

    _check(reports, sheet, present, half_width)
    wanted = 20 if present is None else present
    if half_width is not None:
        wanted = cells_needed(half_width, expected)
    if sheet is not None:
        check_sheet(sheet, overwrite=overwrite)
    if plan is not None:
        claim_file(plan, ",".join(SCHEMA))
    drawing = Plan(wanted, others, consecutive, seed)
    done = sample_labels(
        labels,
        out,
        drawing,
        Aim(expected, half_width),
        finding or (),
        id_column,
        ignore_column or (),
        overwrite=overwrite,
    )
    _say(done, drawing, expected, out)
    if plan is not None:
        write_csv(plan, done.widths)
    if sheet is not None and reports is not None:
        asked = write_blind(done.sample, reports, sheet)
        typer.echo(f"{asked} questions, without the labels, in {sheet}: it holds patients' reports")


def _check(
    reports: Path | None, sheet: Path | None, present: int | None, half_width: float | None
) -> None:
    if (reports is None) != (sheet is None):
        raise MolreError("--sheet and --reports go together", fix="give both, or none")
    if half_width is not None and present is not None:
        raise MolreError("--present and --half-width say the same", fix="give one of them")


def _say(done: Drawn, plan: Plan, expected: float, out: Path) -> None:
    typer.echo(
        f"{len(done.sample):,} of {done.cells:,} cells, of {done.sample['study'].n_unique():,} "
        f"studies; up to {plan.present} present and {plan.others} of each other state of each "
        f"finding: {out}"
    )
    typer.echo(_widths(done.widths, expected))
    if done.short:
        have = "findings have" if len(done.short) != 1 else "finding has"
        some = ", ".join(done.short[:5]) + (" ..." if len(done.short) > 5 else "")
        typer.echo(
            f"{len(done.short)} {have} fewer than {plan.present} present cells; all of them were "
            f"taken ({some})",
            err=True,
        )


def _widths(widths: pl.DataFrame, expected: float) -> str:
    """How sure the numbers will be, the surest and the least sure finding."""
    parts = []
    for name, column in (("PPV", "ppv_half_width"), ("sensitivity", "sensitivity_half_width")):
        known = widths[column].drop_nulls().to_list()
        if known:
            parts.append(f"{name} ±{min(known):.2f} to ±{max(known):.2f}")
    needed = widths["others_needed"].drop_nulls().to_list()
    more = ""
    if needed:
        more = f"; for sensitivity as narrow as PPV, --others {min(needed)} to {max(needed)}"
    said = ", ".join(parts) or "nothing is called present"
    return f"if both are {expected:g}: {said}{more}"
