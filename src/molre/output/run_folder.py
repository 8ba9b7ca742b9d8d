"""All that evaluating a run leaves in it: tables, report, and the model card with its results."""

from __future__ import annotations

from pathlib import Path

from molre.evaluation.evaluate import Evaluation, evaluate
from molre.model.folder import write_card
from molre.output.examples import run_examples
from molre.output.run_card import run_card
from molre.output.run_html import write_run_report


def evaluate_and_report(run: Path) -> Evaluation:
    """Score a run on its test studies and write RUN/metrics.parquet, report.html and the card.

    Raises:
        MolreError: the folder is not a whole run.
    """
    evaluation = evaluate(run)
    write_run_report(evaluation, run / "report.html", run_examples(evaluation))
    if (run / "model" / "checksums.json").is_file():
        write_card(run / "model", run_card(evaluation))
    return evaluation
