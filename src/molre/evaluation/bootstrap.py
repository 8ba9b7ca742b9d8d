"""Paired patient bootstrap of AUCs: one resample of patients for all models and findings.

Patients are drawn, not studies, so that several scans of one patient count as what they are.
A resample is a weight per patient; AUC with weights needs each finding's scores sorted once and
then one cumulative sum a draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from molre.evaluation.auc import FloatArray
from molre.evaluation.intervals import LEVEL
from molre.progress import track

DRAWS = 2000
_CHUNK = 2**18  # weights held at once (2 MiB in float64: they stay in the processor's cache)
_STREAM = 0xB0075
_SLOW = 10**8  # studies x findings x models x draws that take over two seconds


def patient_weights(patients: int, draws: int, seed: int) -> NDArray[np.uint16]:
    """How often each patient is drawn, with replacement.

    Args:
        patients: P.
        draws: B.
        seed: same seed, same resamples.

    Returns:
        (B, P) counts; each row sums to P.
    """
    # A stream of its own: data made from the same small seed must not share its random numbers.
    rng = np.random.default_rng([seed, _STREAM])
    return rng.multinomial(patients, np.full(patients, 1 / patients), size=draws).astype(np.uint16)


def bootstrap_aucs(
    scores: FloatArray,
    labels: FloatArray,
    patients: Sequence[str] | NDArray[np.str_],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> FloatArray:
    """AUC of every model and finding on the same resamples of patients.

    Args:
        scores: (M, N, K) logits of M models.
        labels: (N, K) 1, 0 or nan unknown.
        patients: (N,) patient of each study.
        draws: number of resamples B.
        seed: of the resamples.

    Returns:
        (M, B, K); nan where a draw holds only one class of that finding.
    """
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    weights = patient_weights(len(names), draws, seed)
    models, _, findings = scores.shape
    result = np.full((models, draws, findings), np.nan)
    steps: Iterable[int] = range(findings)
    if labels.size * models * draws > _SLOW:
        steps = track(steps, "resampling patients", findings)
    for k in steps:
        positive, negative = np.flatnonzero(labels[:, k] == 1), np.flatnonzero(labels[:, k] == 0)
        if len(positive) and len(negative):
            for m in range(models):
                result[m, :, k] = _weighted_aucs(
                    scores[m, positive, k],
                    scores[m, negative, k],
                    owner[positive],
                    owner[negative],
                    weights,
                )
    return result


def percentile_interval(values: FloatArray, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of bootstrap values, nan left out; (nan, nan) where none are left."""
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def two_sided_p(differences: FloatArray) -> float:
    """Two-sided p-value of a bootstrapped difference: the level at which its interval reaches 0.

    One is added to both counts, so it is never below 2 / (B + 1) (Davison and Hinkley 1997, 4.2).

    Args:
        differences: (B,) bootstrap differences, nan left out.
    """
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return float("nan")
    tail = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (len(differences) + 1))


def _weighted_aucs(
    above: FloatArray,
    below: FloatArray,
    above_owner: NDArray[np.intp],
    below_owner: NDArray[np.intp],
    weights: NDArray[np.uint16],
) -> FloatArray:
    """(B,) AUCs of one model and finding; all sums are whole numbers, so they are exact."""
    order = np.argsort(below, kind="stable")
    below, below_owner = below[order], below_owner[order]
    lower = np.searchsorted(below, above, side="left")  # negatives below each positive
    upper = np.searchsorted(below, above, side="right")  # ... and those tied with it
    draws = len(weights)
    aucs = np.full(draws, np.nan)
    step = max(1, _CHUNK // (len(above) + len(below)))
    for start in range(0, draws, step):
        part = weights[start : start + step]
        positive = part[:, above_owner].astype(np.float64)
        beaten = np.zeros((len(part), len(below) + 1))
        np.cumsum(part[:, below_owner], axis=1, dtype=np.float64, out=beaten[:, 1:])
        wins = np.einsum("bi,bi->b", positive, beaten[:, lower] + beaten[:, upper]) / 2
        pairs = positive.sum(axis=1) * beaten[:, -1]
        np.divide(wins, pairs, out=aucs[start : start + step], where=pairs > 0)
    return aucs
