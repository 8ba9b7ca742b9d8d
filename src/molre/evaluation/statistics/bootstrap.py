"""Paired patient bootstrap of AUCs: one resample of patients for all models and findings.

Patients are drawn, not studies, so that several scans of one patient count as what they are.
A resample is a weight per patient; :mod:`molre.evaluation.statistics.weighted_auc` scores all of
them at once, exactly, so the number of threads changes nothing but the time.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from molre.arrays import FloatArray
from molre.evaluation.statistics.intervals import LEVEL
from molre.evaluation.statistics.weighted_auc import Weights, weighted_aucs
from molre.progress import track

DRAWS = 2000
_CHUNK = 2**25  # weights held at once (128 MiB in single precision)
_STREAM = 0xB0075
_SLOW = 10**9  # studies x findings x models x draws that take over two seconds
_SMALL = 10**7  # ... that are not worth a thread


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
    threads: int | None = None,
) -> FloatArray:
    """AUC of every model and finding on the same resamples of patients.

    Args:
        scores: (M, N, K) logits of M models.
        labels: (N, K) 1, 0 or nan unknown.
        patients: (N,) patient of each study.
        draws: number of resamples B.
        seed: of the resamples.
        threads: all processors this process may use by default; the result is the same.

    Returns:
        (M, B, K); nan where a draw holds only one class of that finding.
    """
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    weights = patient_weights(len(names), draws, seed)
    models, _, findings = scores.shape
    result = np.full((models, draws, findings), np.nan)
    work = labels.size * models * draws
    if threads is None:
        threads = 1 if work < _SMALL else processors()
    step = max(1, _CHUNK // max(1, len(names)))

    def score(k: int, m: int, start: int, part: Weights) -> None:
        known = ~np.isnan(labels[:, k])
        positive = labels[known, k] == 1
        drawn = weighted_aucs(scores[m, known, k], positive, owner[known], part)
        result[m, start : start + step, k] = drawn

    def scored(pool: ThreadPoolExecutor) -> Iterator[None]:
        ks, ms = zip(*itertools.product(range(findings), range(models)), strict=True)
        for start in range(0, draws, step):
            part = np.ascontiguousarray(weights[start : start + step].T).astype(np.float32)
            yield from pool.map(partial(score, start=start, part=part), ks, ms)

    total = findings * models * len(range(0, draws, step))
    with ThreadPoolExecutor(threads) as pool:
        done = scored(pool) if total else iter(())
        for _ in track(done, "resampling patients", total) if work > _SLOW else done:
            pass
    return result


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
