"""report.html of one study: status first, then findings with their key slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from molre import files
from molre.model.prediction import Prediction
from molre.model.reading import Reading
from molre.output.many_experts import are_many, gate_strip, load_words
from molre.output.page import render
from molre.output.prediction.images import BONE_FIRST, slice_image
from molre.output.synthetic_banner import scan_banner

ILLUSTRATED = 8  # findings whose key slices are drawn


def write_prediction_report(reading: Reading, path: Path, *, trained_on_synthetic: bool) -> None:
    """Write a self-contained page: no script, no outside request.

    Args:
        reading: the answer, and what is shown beside it.
        path: of the page.
        trained_on_synthetic: the model knows phantoms only.
    """
    prediction = reading.prediction
    rows = [_row(reading, k) for k in range(len(prediction.findings))]
    rows.sort(key=lambda r: (not r["above"], -r["margin"]))
    for row in rows[:ILLUSTRATED]:
        if row["finding"].key_slice is not None:
            row |= _images(reading, row)
    _write(prediction, path, rows, _overview(reading), trained_on_synthetic)


def write_refusal_report(prediction: Prediction, path: Path, *, trained_on_synthetic: bool) -> None:
    """Write the page of a study that was refused: why, and which files."""
    _write(prediction, path, [], [], trained_on_synthetic)


def _write(
    prediction: Prediction,
    path: Path,
    rows: list[dict[str, Any]],
    overview: list[tuple[int, str]],
    trained_on_synthetic: bool,
) -> None:
    html = render(
        "prediction.html.j2",
        title=f"Head CT study {prediction.study}",
        prediction=prediction,
        rows=rows,
        overview=overview,
        gates=_gates(prediction),
        banner=scan_banner(scan=prediction.scan_synthetic, model=trained_on_synthetic),
    )
    files.write_text(path, html)


def _gates(prediction: Prediction) -> dict[str, str] | None:
    """Experts that are too many to list, as bars and in words."""
    routing = prediction.routing
    if routing is None or not are_many(len(routing.mean_gates)):
        return None
    shares = routing.mean_gates
    return {"strip": gate_strip(shares), "words": load_words(shares)}


def _row(reading: Reading, k: int) -> dict[str, Any]:
    finding = reading.prediction.findings[k]
    threshold, probability = finding.threshold, finding.probability
    known = -1.0 if probability is None else probability
    return {
        "finding": finding,
        "k": k,
        "above": threshold is not None and known >= threshold,
        "margin": known - (threshold if threshold is not None else 1.0),
    }


def _images(reading: Reading, row: dict[str, Any]) -> dict[str, Any]:
    finding, weights = row["finding"], reading.attention[:, row["k"]]
    first, second = ("bone", "brain") if finding.category in BONE_FIRST else ("brain", "bone")
    index = finding.key_slice.index
    peak = float(weights.max()) or 1.0
    return {
        "images": [
            (window, slice_image(reading.volume, index, window)) for window in (first, second)
        ],
        "bars": [round(100 * float(w) / peak, 1) for w in weights],
        "key": int(np.argmax(weights)),
        "share": float(weights.max()),
    }


def _overview(reading: Reading) -> list[tuple[int, str]]:
    """Eight slices spread over the scan, so that a reader sees what was read."""
    picked = np.unique(np.linspace(0, len(reading.volume) - 1, 8).round().astype(int))
    return [(int(i), slice_image(reading.volume, int(i), "brain", 160)) for i in picked]
