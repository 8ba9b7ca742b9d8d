"""Everything that evaluating a run leaves in it: tables, report, and model card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from molre.evaluation.evaluate import Evaluation, evaluate
from molre.model.folder import is_model, write_card
from molre.output.run.card import card_parts, card_text
from molre.output.run.report import write_run_report
from molre.runs.folder import RunFolder
from molre.workflows.example_cases import run_examples


def evaluate_and_report(
    run: Path, prevalences: Sequence[float] | None = None, label_audit: Path | None = None
) -> Evaluation:
    """Score a run on its test studies and write its tables, report.html, report.json and the card.

    Args:
        run: the RUN folder.
        prevalences: at which predictive values are stated.
        label_audit: folder of ``molre label-audit``, of the run's labels.

    Raises:
        MolreError: the folder is not a whole run.
    """
    evaluation, folder = (
        evaluate(run, prevalences=prevalences, label_audit=label_audit),
        RunFolder(run),
    )
    card = card_parts(evaluation) if is_model(folder.model) else []
    write_run_report(evaluation, folder.report, run_examples(evaluation), card)
    if card:
        write_card(folder.model, card_text(card))
    return evaluation
