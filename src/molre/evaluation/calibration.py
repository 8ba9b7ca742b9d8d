"""Do probabilities mean what they say: Brier score and skill, slope, intercept, ECE, bins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit, logit

from molre.evaluation.auc import FloatArray
from molre.evaluation.intervals import wilson

_FLOOR = 1e-6


@dataclass(frozen=True)
class Bin:
    """A bin of equally many predictions.

    Attributes:
        predicted: mean probability in the bin.
        observed: share of them with the finding.
        low, high: Wilson interval of ``observed``.
        n: predictions in the bin.
    """

    predicted: float
    observed: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Calibration:
    """Calibration of one finding (or of all, pooled).

    Attributes:
        brier: mean squared error of the probability; lower is better.
        skill: 1 minus Brier over that of always saying the prevalence; above 0 is better than that.
        ece: expected calibration error over equal-mass bins.
        slope, intercept: of the outcome regressed on the logit; 1 and 0 are ideal; nan where the
            finding is perfectly separated and the regression has no maximum.
        n: predictions behind the numbers.
    """

    brier: float
    skill: float
    ece: float
    slope: float
    intercept: float
    n: int


def calibration(probabilities: FloatArray, labels: FloatArray) -> Calibration:
    """Measure calibration where the label is known.

    Args:
        probabilities: (N,) in [0, 1].
        labels: (N,) 1, 0 or nan unknown.
    """
    known = ~np.isnan(labels)
    probabilities, labels = probabilities[known].astype(np.float64), labels[known]
    if not len(labels):
        nothing = float("nan")
        return Calibration(nothing, nothing, nothing, nothing, nothing, 0)
    brier = float(((probabilities - labels) ** 2).mean())
    prevalence = float(labels.mean())
    reference = prevalence * (1 - prevalence)
    skill = 1 - brier / reference if reference > 0 else float("nan")
    bins = reliability(probabilities, labels)
    ece = sum(b.n * abs(b.predicted - b.observed) for b in bins) / len(labels)
    slope, intercept = slope_intercept(probabilities, labels)
    return Calibration(brier, skill, ece, slope, intercept, len(labels))


def reliability(probabilities: FloatArray, labels: FloatArray, bins: int = 10) -> tuple[Bin, ...]:
    """Equal-mass reliability bins; equal probabilities never straddle two bins.

    Args:
        probabilities: (N,) in [0, 1].
        labels: (N,) 1, 0 or nan unknown (left out).
        bins: at most this many, and at least five predictions in each.
    """
    known = ~np.isnan(labels)
    probabilities, labels = probabilities[known], labels[known]
    order = np.argsort(probabilities, kind="stable")
    probabilities, labels = probabilities[order], labels[order]
    count = max(1, min(bins, len(labels) // 5))
    edges = np.linspace(0, len(labels), count + 1).round().astype(int)
    # A cut inside a run of ties moves to the run's start: else the labels' order would decide.
    inner = np.searchsorted(probabilities, probabilities[edges[1:-1]], side="left")
    cuts = np.unique(np.concatenate([[0], inner, [len(labels)]]))
    return tuple(
        _bin(probabilities[start:stop], labels[start:stop]) for start, stop in pairwise(cuts)
    )


def slope_intercept(probabilities: FloatArray, labels: FloatArray) -> tuple[float, float]:
    """Logistic regression of the outcome on the logit (Cox 1958), by Newton's method.

    Args:
        probabilities: (N,) in [0, 1], moved off 0 and 1 by 1e-6.
        labels: (N,) 1 or 0.

    Returns:
        (slope, intercept), nan where there is no finite maximum.
    """
    x = logit(np.clip(probabilities, _FLOOR, 1 - _FLOOR))
    nothing = float("nan"), float("nan")
    above, below = x[labels == 1], x[labels == 0]
    if not len(above) or not len(below) or np.ptp(x) == 0:
        return nothing
    if above.min() >= below.max() or above.max() <= below.min():
        return nothing
    design = np.stack([np.ones_like(x), x], axis=1)
    beta = np.zeros(2)
    for _ in range(100):
        fitted = expit(design @ beta)
        hessian = design.T @ (design * (fitted * (1 - fitted))[:, None])
        if np.linalg.cond(hessian) > 1e14:
            return nothing
        step = np.linalg.solve(hessian, design.T @ (labels - fitted))
        step *= min(1.0, 2.0 / np.abs(step).max(initial=1e-300))  # a long first step may diverge
        beta += step
        if np.abs(step).max() < 1e-10:
            return float(beta[1]), float(beta[0])
    return nothing


def _bin(probabilities: FloatArray, labels: FloatArray) -> Bin:
    hits, n = float(labels.sum()), len(labels)
    low, high = wilson(hits, n)
    return Bin(float(probabilities.mean()), hits / n, low, high, n)
