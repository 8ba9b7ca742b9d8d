"""Area under the ROC curve, exact with ties, over the studies whose label is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def auc(scores: FloatArray, labels: FloatArray) -> float:
    """Probability that a study with the finding scores above one without, ties counting half.

    Computed from mid-ranks (the Mann-Whitney statistic), so it is exact.

    Args:
        scores: (N,) any increasing function of the model's belief.
        labels: (N,) 1 present, 0 absent, nan unknown; unknown studies are left out.

    Returns:
        AUC in [0, 1]; nan where one class is missing (never 0) or a score is not a number.
    """
    known = ~np.isnan(labels)
    positive = labels[known] == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if positives == 0 or negatives == 0:
        return float("nan")
    ranks = _mid_ranks(scores[known])
    above = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def auc_by_finding(scores: FloatArray, labels: FloatArray) -> FloatArray:
    """AUC of each finding.

    Args:
        scores: (N, K).
        labels: (N, K) 1, 0 or nan.

    Returns:
        (K,) float64, nan where a finding has one class only.
    """
    columns = range(labels.shape[1])
    return np.array([auc(scores[:, k], labels[:, k]) for k in columns], dtype=np.float64)


def _mid_ranks(scores: FloatArray) -> FloatArray:
    """Ranks from 1, those that tie sharing their mean; nan for all where one score is nan.

    As ``scipy.stats.rankdata``, whose import takes each process that trains a second.
    """
    if np.isnan(scores).any():
        return np.full(len(scores), np.nan)
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place], dtype=np.float64)
