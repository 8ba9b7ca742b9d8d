"""``molre compare``: arms against arms on the same test studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    runs: Annotated[list[Path], typer.Argument(help="RUN folders of one cohort and split.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    json: Annotated[bool, typer.Option("--json", help="Print the contrasts as JSON.")] = False,
) -> None:
    """Compare runs: OUT/report.html, OUT/comparison.csv and OUT/contrasts.csv.

    Seeds of an arm are averaged. Within a backbone and placement molre is compared with every
    other arm, and those with frozen; a verdict on routing needs three seeds of each arm.
    OUT/comparison.json records which runs were compared: `molre audit OUT` recomputes the tables.

    Example: molre compare runs/* -o comparison
    """
    from molre.evaluation.comparison.compare import compare, contrasts_table
    from molre.folders import claim
    from molre.output.comparison.report import write_comparison_report
    from molre.output.comparison.text import comparison_table

    claim(out, "comparison")
    comparison = compare(runs, out)
    write_comparison_report(comparison, out / "report.html")
    if json:
        typer.echo(contrasts_table(comparison.result).write_json())
        return
    from rich.console import Console

    Console().print(comparison_table(comparison))
    for note in comparison.notes:
        typer.echo(note, err=True)
    typer.echo(f"report: {out / 'report.html'}")
