"""``molre evaluate``: a run's numbers and its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="RUN folder of `molre train`.")],
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Score a run on its test studies: RUN/metrics.parquet, RUN/report.html, the model card.

    Example: molre evaluate runs/molre-0
    """
    from molre.evaluation.evaluate import metrics_table
    from molre.output.numbers import interval, number
    from molre.output.run_folder import evaluate_and_report

    evaluation = evaluate_and_report(run)
    if json:
        typer.echo(metrics_table(evaluation).write_json())
        return
    macro = evaluation.macro
    typer.echo(
        f"{evaluation.run.arm}, seed {evaluation.run.seed}: "
        f"macro AUC {number(macro.value)} ({interval(macro.low, macro.high)}) "
        f"over {len(evaluation.endpoint)} findings, {evaluation.studies} "
        f"{'synthetic ' if evaluation.run.synthetic else ''}test studies"
    )
    typer.echo(f"report: {run / 'report.html'}")
