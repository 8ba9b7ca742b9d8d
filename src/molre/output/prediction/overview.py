"""OUT/index.html: all studies of one ``predict`` on a page, each with a link to its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from molre.model.answer import Answer
from molre.model.prediction import Prediction
from molre.output import page
from molre.output.synthetic_banner import TRAINED, scan_banner, scans_banner

SHOWN = 3  # findings named beside a study


def write_overview(
    path: Path, answers: Sequence[Answer], *, trained_on_synthetic: bool, others: int
) -> None:
    """Write a self-contained page: no script, no outside request, no name of a patient.

    Args:
        path: OUT/index.html.
        answers: one a row.
        trained_on_synthetic: the model knows phantoms only.
        others: files that are not scans.
    """
    predictions = [answer.prediction for answer in answers]
    page.write(
        path,
        "predictions.html.j2",
        title="Predictions",
        banner=_banner(predictions, trained_on_synthetic),
        counts={
            status: sum(p.status == status for p in predictions)
            for status in ("scored", "withheld", "refused")
        },
        model=predictions[0].model,
        rows=[_row(answer) for answer in answers],
        others=others,
    )


def above(prediction: Prediction) -> list[tuple[str, float]]:
    """Name and probability of the findings at or above their threshold, the likeliest first."""
    found = [
        (f.name, f.probability)
        for f in prediction.findings
        if f.probability is not None and f.threshold is not None and f.probability >= f.threshold
    ]
    return sorted(found, key=lambda one: -one[1])


def above_in_words(prediction: Prediction) -> str:
    """How many findings are at or above their threshold, of those that have one."""
    rated = [f for f in prediction.findings if f.threshold is not None]
    if not rated:
        return "no finding has a threshold (too few calibration studies)"
    of = "" if len(rated) == len(prediction.findings) else ", the others have none"
    return f"{len(above(prediction))} of {len(rated)} findings at or above threshold{of}"


def _banner(predictions: list[Prediction], model: bool) -> str | None:
    kinds = {p.scan_synthetic for p in predictions if p.scan_synthetic is not None}
    if not kinds:
        return scan_banner(scan=None, model=model)
    if kinds == {True, False}:
        trained = f"{TRAINED}. " if model else ""
        return f"{trained}Some of these scans are synthetic phantoms; each page says which."
    return scans_banner(scans=kinds == {True}, model=model)


def _row(answer: Answer) -> dict[str, Any]:
    said = answer.prediction
    found = above(said)
    return {
        "inputs": ", ".join(map(str, answer.inputs)),
        "prediction": said,
        "found": [f"{name} ({value:.2f})" for name, value in found[:SHOWN]],
        "more": max(0, len(found) - SHOWN),
        "words": above_in_words(said) if said.findings else "",
    }
