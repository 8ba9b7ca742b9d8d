"""DeLong's covariance of AUCs measured on the same studies, by the fast method of Sun and Xu.

Sources: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); Sun and Xu, IEEE Signal
Processing Letters 21 (2014). Checked against R's pROC in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from molre.arrays import FloatArray
from molre.evaluation.statistics.intervals import LEVEL, clopper_pearson

# A variance below this is rounding: the smallest true one, with 10^6 studies, is near 1e-22.
NO_VARIANCE = 1e-24


@dataclass(frozen=True)
class DeLong:
    """AUCs of M models on the same studies, and how they vary together.

    Attributes:
        aucs: (M,).
        covariance: (M, M); nan where a class has fewer than two studies.
        positives, negatives: studies behind the numbers.
    """

    aucs: FloatArray
    covariance: FloatArray
    positives: int
    negatives: int

    def contrast(self, weights: FloatArray) -> tuple[float, float]:
        """Value and variance of the weighted sum of AUCs: a mean over seeds, or a difference.

        Args:
            weights: (M,).
        """
        variance = float(weights @ self.covariance @ weights)
        return float(weights @ self.aucs), variance if math.isnan(variance) else max(variance, 0.0)

    def interval(self, weights: FloatArray, level: float = LEVEL) -> tuple[float, float]:
        """Interval of a weighted mean of AUCs (weights sum to 1), see :func:`logit_interval`."""
        value, variance = self.contrast(weights)
        return logit_interval(value, variance, min(self.positives, self.negatives), level)

    def test(self, weights: FloatArray, level: float = LEVEL) -> Test:
        """Paired test that a difference (weights sum to 0) is zero, see :func:`wald_test`."""
        return wald_test(*self.contrast(weights), level)


@dataclass(frozen=True)
class Test:
    """A difference of AUCs, its interval and two-sided p-value (nan where no test is possible)."""

    __test__ = False  # pytest: not a test class

    difference: float
    low: float
    high: float
    p: float


def delong(scores: FloatArray, labels: FloatArray, patients: Sequence[str] | None = None) -> DeLong:
    """AUCs of M models on one finding with their covariance.

    Args:
        scores: (M, N), or (N,) for one model.
        labels: (N,) 1, 0, nan unknown (left out). Both classes must be there.
        patients: (N,) whose studies; where one has several the covariance is Obuchowski's for
            clustered data (Biometrics 53, 1997), which is DeLong's where nobody has.
    """
    scores = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    known = ~np.isnan(labels)
    scores, positive = scores[:, known], labels[known] == 1
    above, below = scores[:, positive], scores[:, ~positive]
    pairs = [_components(a, b) for a, b in zip(above, below, strict=True)]
    beats, beaten = (np.stack(rows) for rows in zip(*pairs, strict=True))
    if patients is None or len(set(patients)) == len(patients):
        covariance = _covariance(beats) / above.shape[1] + _covariance(beaten) / below.shape[1]
    else:
        owner = np.unique(np.asarray(patients)[known], return_inverse=True)[1]
        covariance = _clustered(beats, beaten, owner[positive], owner[~positive])
    return DeLong(beats.mean(axis=1), covariance, above.shape[1], below.shape[1])


def logit_interval(
    auc: float, variance: float, pairs: int, level: float = LEVEL
) -> tuple[float, float]:
    """Interval of an AUC, symmetric on the logit scale, so it stays inside (0, 1).

    Where the variance is 0 (perfect separation, or all scores tied) DeLong says nothing. Then the
    studies are thought of as ``pairs`` disjoint pairs of one positive and one negative: each is
    ranked rightly with probability AUC, independently, so all are with probability AUC^pairs.
    At AUC = 1 the one-sided bound is therefore ``(1 - level) ** (1 / pairs)``; it is conservative,
    for separation asks for more than one set of pairs. Ties in between get Clopper-Pearson.

    Args:
        auc: estimate.
        variance: DeLong's variance of it; nan gives (0, 1).
        pairs: the smaller of positives and negatives.
        level: e.g. 0.95.
    """
    if math.isnan(variance):
        return 0.0, 1.0
    if variance > NO_VARIANCE and 0 < auc < 1:
        half = norm.ppf(0.5 + level / 2) * math.sqrt(variance) / (auc * (1 - auc))
        return float(expit(logit(auc) - half)), float(expit(logit(auc) + half))
    return separation_interval(auc, pairs, level)


def separation_interval(auc: float, pairs: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval where the sample shows no variation, see :func:`logit_interval`."""
    bound = float((1 - level) ** (1 / pairs)) if pairs else 0.0
    if auc >= 1:
        return bound, 1.0
    if auc <= 0:
        return 0.0, 1 - bound
    return clopper_pearson(auc * pairs, pairs, level)


def wald_test(difference: float, variance: float, level: float = LEVEL) -> Test:
    """Two-sided normal test that a difference of paired AUCs is zero.

    With no variance, equal AUCs give p = 1; unequal ones (a constant score against a perfect one)
    give nan: the sample says nothing about how sure that is.
    """
    if variance > NO_VARIANCE:
        error = math.sqrt(variance)
        half = float(norm.ppf(0.5 + level / 2)) * error
        p = float(2 * norm.sf(abs(difference) / error))
        return Test(difference, difference - half, difference + half, p)
    if abs(difference) < 1e-12:
        return Test(0.0, 0.0, 0.0, 1.0)
    return Test(difference, float("nan"), float("nan"), float("nan"))


def _components(above: FloatArray, below: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Structural components of one model: the share of the other class that each study beats.

    Only the negatives are sorted; the positives are then counted between them.

    Args:
        above: (m,) scores of positives.
        below: (n,) scores of negatives.

    Returns:
        (m,) share of negatives below each positive and (n,) share of positives above each
        negative, ties counting half.
    """
    order = np.argsort(below)
    rising = below[order]
    lower = np.searchsorted(rising, above, side="left")
    upper = np.searchsorted(rising, above, side="right")
    counts = np.bincount(lower, minlength=len(below) + 1) + np.bincount(
        upper, minlength=len(below) + 1
    )
    beaten = np.empty(len(below))
    beaten[order] = (2 * len(above) - np.cumsum(counts)[:-1]) / (2 * len(above))
    return (lower + upper) / (2 * len(below)), beaten


def _clustered(
    beats: FloatArray, beaten: FloatArray, above: NDArray[np.intp], below: NDArray[np.intp]
) -> FloatArray:
    """Obuchowski's covariance (M, M): components are summed over each patient's studies.

    Args:
        beats: (M, positives).
        beaten: (M, negatives).
        above: patient of each positive.
        below: patient of each negative.
    """
    patients = int(max(above.max(), below.max())) + 1
    with_it = _sums(beats - beats.mean(axis=1, keepdims=True), above, patients)
    without = _sums(beaten - beaten.mean(axis=1, keepdims=True), below, patients)
    first, second = len(np.unique(above)), len(np.unique(below))
    if min(first, second) < 2:
        return np.full((len(beats), len(beats)), np.nan)
    m, n = len(above), len(below)
    own = with_it @ with_it.T * first / (first - 1) / m**2
    other = without @ without.T * second / (second - 1) / n**2
    cross = with_it @ without.T * patients / (patients - 1) / (m * n)
    return np.asarray(own + other + cross + cross.T)


def _sums(rows: FloatArray, owner: NDArray[np.intp], patients: int) -> FloatArray:
    return np.stack([np.bincount(owner, weights=row, minlength=patients) for row in rows])


def _covariance(rows: FloatArray) -> FloatArray:
    if rows.shape[1] < 2:
        return np.full((rows.shape[0], rows.shape[0]), np.nan)
    return np.atleast_2d(np.cov(rows))
