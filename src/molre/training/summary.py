"""What a user should know about a run that has just been trained, before its numbers are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from molre.labels.findings import findings
from molre.runs.folder import RunFolder
from molre.runs.manifest import read_manifest

FEW = 30  # patients of a split below which what is estimated from it is called uncertain
CHANCE = 0.5


def summary(run: str | Path) -> list[str]:
    """Sentences on a finished run: how it was chosen, and what there was too little of.

    Args:
        run: folder with manifest.json and config.yaml, as :func:`molre.training.train.train`
            leaves it.
    """
    manifest = read_manifest(RunFolder(Path(run)))
    return [*_fit(manifest), *_findings(manifest), *_splits(manifest)]


def _fit(manifest: dict[str, Any]) -> Iterator[str]:
    rates = {row["learning_rate"]: row["tune_auc"] for row in manifest.get("rates") or []}
    rate, best, epochs = manifest["learning_rate"], manifest["best_epoch"], manifest["epochs"]
    auc = rates.get(rate)
    if auc is not None:
        tried = f" (of {len(rates)} tried)" if len(rates) > 1 else ""
        yield f"tune AUC {auc:.2f} at learning rate {rate:g}{tried}, epoch {best + 1} of {epochs}"
    if best == 0 and epochs > 1:
        yield "warning: no epoch improved on the first: it may not have learned anything"
    elif auc is not None and auc <= CHANCE:
        yield "warning: no epoch is better than chance on tune: it has not learned anything"
    if not manifest.get("converged", True):
        yield "warning: not converged: the budget ended while tune still improved; raise max_steps"
    if manifest.get("rate_at_edge") and len(rates) > 1:
        yield "warning: the best rate is at the edge of those tried; give other learning_rates"


def _findings(manifest: dict[str, Any]) -> Iterator[str]:
    trained, known = len(manifest["findings"]), len(findings().by_id)
    if trained < known:
        yield (
            f"{trained} of {known} findings trained; {known - trained} have too few positives or "
            "negatives in train (min_labels)"
        )


def _splits(manifest: dict[str, Any]) -> Iterator[str]:
    for split, what in (
        ("tune", "the choice of learning rate and epoch"),
        ("calibrate", "probabilities and thresholds"),
        ("test", "every AUC"),
    ):
        n = manifest["n"][split]
        if n < FEW:
            scans = f"{n} scan" if n == 1 else f"{n} scans"
            yield f"warning: {split} has {scans}: {what} will be uncertain"
