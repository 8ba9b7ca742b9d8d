"""Interval of an AUC that holds with few positives and near 1, where DeLong's is too narrow.

With few positives DeLong's variance is estimated from them alone, and the nearer AUC is to 1 the
more often a sample shows too little of it (nothing at all where the sample is separated). A score
interval asks instead which true AUCs the sample would not be surprising under, with the variance
that each of them would have. experiments/interval_coverage.md tabulates both.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.stats import norm

from molre.evaluation.statistics.intervals import LEVEL

_INSIDE = 1e-12


def score_interval(
    auc: float,
    variance: float,
    positives: int,
    negatives: int,
    level: float = LEVEL,
    averaged: float = 1.0,
) -> tuple[float, float]:
    """Newcombe's fifth method, with its variance raised where DeLong's is larger.

    The bounds are the AUCs at which the estimate is just ``z`` standard errors away. The variance
    there is Hanley and McNeil's with the mean of the two numbers in place of each, which Newcombe
    found to hold for scores of many shapes. It knows nothing of findings that some patients show
    faintly or not at all, whose scores vary more than the model allows: there DeLong's variance is
    the larger of the two at the estimate, and the model's is scaled up to it at all AUCs.

    Args:
        auc: estimate.
        variance: DeLong's; nan where it cannot be had, then the model's alone is used.
        positives, negatives: studies, or patients where they have several.
        level: e.g. 0.95.
        averaged: for a mean over seeds the share of one seed's variance that is left in the mean;
            ``variance`` is then one seed's.

    Returns:
        Bounds in [0, 1], never both equal to the estimate; (0, 1) without a positive or negative.

    Source: Newcombe, Statistics in Medicine 25 (2006) 559; Hanley and McNeil, Radiology 143 (1982).
    """
    if min(positives, negatives) < 1:
        return 0.0, 1.0
    expected = model_variance(auc, positives, negatives)
    scale = 1.0
    if expected > 0 and not math.isnan(variance):
        scale = max(1.0, variance / expected)
    reach = float(norm.ppf(0.5 + level / 2)) ** 2 * scale * averaged

    def beyond(truth: float) -> float:
        return (auc - truth) ** 2 - reach * model_variance(truth, positives, negatives)

    return _bound(beyond, auc, 0.0), _bound(beyond, auc, 1.0)


def model_variance(auc: float, positives: int, negatives: int) -> float:
    """Hanley and McNeil's variance of an AUC, both numbers but those below replaced by their mean.

    Args:
        auc: the true AUC.
        positives, negatives: at least one each.
    """
    mean = (positives + negatives) / 2 - 1
    spread = (1 - auc) / (2 - auc) + auc / (1 + auc)
    return auc * (1 - auc) * (1 + mean * spread) / (positives * negatives)


def _bound(beyond: Callable[[float], float], auc: float, end: float) -> float:
    """Where ``beyond`` changes its sign between the estimate and an end of [0, 1]."""
    from scipy.optimize import brentq

    near = auc + math.copysign(_INSIDE, end - auc)
    if abs(end - auc) <= _INSIDE or beyond(end) <= 0 or beyond(near) >= 0:
        return end if abs(end - auc) <= _INSIDE else min(max(near, 0.0), 1.0)
    return float(brentq(beyond, min(near, end), max(near, end), xtol=1e-12))
