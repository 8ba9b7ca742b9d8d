"""Do probabilities mean what they say: Brier score and skill, slope, intercept, ECE, bins.

ECE and slope are noisy: a perfectly calibrated model tested on 38 patients shows an ECE of .155 on
average. So neither is given below 200 patients, and above that what chance alone would show of a
perfectly calibrated model stands beside it: the 95th percentile of its ECE, outcomes drawn from the
predicted probabilities, and the range that holds 95 % of its slopes (from the Fisher information).

Where a patient has several predictions (scans, or findings taken together) they err together, and
chance shows more. How much is in the residuals: whole patients get a random sign (wild bootstrap;
Cameron, Gelbach and Miller, Review of Economics and Statistics 90, 2008), and the slope's variance
is the sandwich over patients (Liang and Zeger, Biometrika 73, 1986). Where four scans a patient are
alike, chance as of independent ones is exceeded in .86 of samples, this one in .04 to .10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from molre.arrays import FloatArray
from molre.evaluation.statistics.intervals import LEVEL, wilson
from molre.evaluation.statistics.proportion import effective

ENOUGH = 200  # patients below which ECE, slope and intercept are noise
_FLOOR = 1e-6
_DRAWS = 200  # of outcomes
_STREAM = 0xECE


@dataclass(frozen=True)
class Bin:
    """A bin of equally many predictions.

    Attributes:
        predicted: mean probability in the bin.
        observed: share of them with the finding.
        low, high: Wilson interval of ``observed``; of the effective n where patients have several.
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
        ece: expected calibration error over equal-mass bins; nan with fewer than 200 patients.
        slope, intercept: of the outcome regressed on the logit; 1 and 0 are ideal; nan likewise,
            and where the finding is perfectly separated and the regression has no maximum.
        n: predictions behind the numbers.
        ece_chance: that a perfectly calibrated model exceeds in 5 of 100 samples.
        slope_low, slope_high: hold the slope of a perfectly calibrated model in 95 of 100 samples.
    """

    brier: float
    skill: float
    ece: float
    slope: float
    intercept: float
    n: int
    ece_chance: float = math.nan
    slope_low: float = math.nan
    slope_high: float = math.nan


def calibration(
    probabilities: FloatArray, labels: FloatArray, patients: Sequence[str] | np.ndarray
) -> Calibration:
    """Measure calibration where the label is known.

    Args:
        probabilities: (N,) in [0, 1].
        labels: (N,) 1, 0 or nan unknown.
        patients: (N,) whose studies.
    """
    known = ~np.isnan(labels)
    people = len(np.unique(np.asarray(patients)[known]))
    probabilities, labels = probabilities[known].astype(np.float64), labels[known]
    if not len(labels):
        nothing = float("nan")
        return Calibration(nothing, nothing, nothing, nothing, nothing, 0)
    brier = float(((probabilities - labels) ** 2).mean())
    prevalence = float(labels.mean())
    reference = prevalence * (1 - prevalence)
    skill = 1 - brier / reference if reference > 0 else float("nan")
    if people < ENOUGH:
        return Calibration(brier, skill, math.nan, math.nan, math.nan, len(labels))
    bins = reliability(probabilities, labels)
    ece = sum(b.n * abs(b.predicted - b.observed) for b in bins) / len(labels)
    slope, intercept = slope_intercept(probabilities, labels)
    together = None if people == len(labels) else Together(labels, np.asarray(patients)[known])
    return Calibration(
        brier, skill, ece, slope, intercept, len(labels),
        ece_by_chance(probabilities, together), *slope_by_chance(probabilities, together),
    )  # fmt: skip


@dataclass(frozen=True)
class Together:
    """Predictions of which a patient has several: their outcomes (N,), and whose they are (N,)."""

    labels: FloatArray
    patients: np.ndarray

    def owners(self) -> NDArray[np.intp]:
        """(N,) position of the patient of each prediction."""
        return np.unique(self.patients, return_inverse=True)[1].astype(np.intp)


def ece_by_chance(
    probabilities: FloatArray, together: Together | None = None, level: float = 0.95
) -> float:
    """ECE that a model whose probabilities are right stays below in ``level`` of samples.

    Args:
        probabilities: (N,), at least one; the bins follow from them alone.
        together: where a patient has several of them.
        level: e.g. 0.95.
    """
    order = np.argsort(probabilities, kind="stable")
    rising = probabilities[order]
    cuts = _cuts(rising, 10)
    rng = np.random.default_rng(_STREAM)
    if together is None:
        errors = ((rng.random(len(rising)) < rising) - rising for _ in range(_DRAWS))
    else:
        owner = together.owners()[order]
        residuals = _about_bins(together.labels[order] - rising, cuts)
        signs = (rng.choice([-1.0, 1.0], int(owner.max()) + 1) for _ in range(_DRAWS))
        errors = (one[owner] * residuals for one in signs)
    drawn = [float(np.abs(np.add.reduceat(one, cuts[:-1])).sum()) for one in errors]
    return float(np.quantile(drawn, level)) / len(rising)


def slope_by_chance(
    probabilities: FloatArray, together: Together | None = None
) -> tuple[float, float]:
    """Range of the slope of a model whose probabilities are right, in 95 of 100 samples.

    Args:
        probabilities: (N,).
        together: where a patient has several of them.
    """
    x = logit(np.clip(probabilities, _FLOOR, 1 - _FLOOR))
    weight = expit(x) * (1 - expit(x))
    centered = x - weight @ x / weight.sum()
    spread = float(weight @ centered**2)
    if spread <= _FLOOR:
        return math.nan, math.nan
    variance = 1 / spread
    if together is not None:
        sums = np.bincount(together.owners(), weights=centered * (together.labels - expit(x)))
        variance = float(sums @ sums) * len(sums) / (len(sums) - 1) / spread**2
    half = float(norm.ppf(0.5 + LEVEL / 2)) * math.sqrt(variance)
    return 1 - half, 1 + half


def _about_bins(residuals: FloatArray, cuts: NDArray[np.intp]) -> FloatArray:
    """Residuals about the mean of their bin, as large as they were before it was taken off."""
    sizes = np.diff(cuts)
    means = np.repeat(np.add.reduceat(residuals, cuts[:-1]) / sizes, sizes)
    return np.asarray(
        (residuals - means) * np.repeat(np.sqrt(sizes / np.maximum(sizes - 1, 1)), sizes)
    )


def reliability(
    probabilities: FloatArray,
    labels: FloatArray,
    bins: int = 10,
    patients: Sequence[str] | np.ndarray | None = None,
) -> tuple[Bin, ...]:
    """Reliability bins of about equal mass; equal probabilities never straddle two bins.

    Without ties each bin holds the same number of predictions but for one, and at least five. A cut
    that would part equal probabilities moves down to the first of them, so with ties a bin may hold
    many more predictions, or fewer than five.

    Args:
        probabilities: (N,) in [0, 1].
        labels: (N,) 1, 0 or nan unknown (left out).
        bins: at most this many.
        patients: (N,) whose; intervals are then those of as many independent ones as vary as much.
    """
    known = ~np.isnan(labels)
    probabilities, labels = probabilities[known], labels[known]
    owners = np.arange(len(labels)) if patients is None else np.asarray(patients)[known]
    order = np.argsort(probabilities, kind="stable")
    probabilities, labels, owners = probabilities[order], labels[order], owners[order]
    return tuple(
        _bin(probabilities[start:stop], labels[start:stop], owners[start:stop])
        for start, stop in pairwise(_cuts(probabilities, bins))
    )


def _cuts(rising: FloatArray, bins: int) -> NDArray[np.intp]:
    """Where the bins of sorted probabilities begin, and the end of the last."""
    count = max(1, min(bins, len(rising) // 5))
    edges = np.linspace(0, len(rising), count + 1).round().astype(int)
    # A cut inside a run of ties moves to the run's start: else the labels' order would decide.
    inner = np.searchsorted(rising, rising[edges[1:-1]], side="left")
    return np.unique(np.concatenate([[0], inner, [len(rising)]])).astype(np.intp)


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


def _bin(probabilities: FloatArray, labels: FloatArray, owners: np.ndarray) -> Bin:
    n, observed = len(labels), float(labels.mean())
    enough = effective(labels, owners)
    low, high = wilson(observed * enough, enough)
    return Bin(float(probabilities.mean()), observed, low, high, n)
