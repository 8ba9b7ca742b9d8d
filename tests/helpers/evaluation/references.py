"""Slow references, each straight from its definition, for the tests only."""

from __future__ import annotations

import numpy as np


def kernel(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(m, n) 1 where a positive scores above a negative, half where they tie."""
    difference = above[:, None] - below[None, :]
    return (difference > 0) + 0.5 * (difference == 0)


def pairwise_auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean of the kernel over all pairs."""
    return float(kernel(scores[labels == 1], scores[labels == 0]).mean())


def delong_by_definition(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M,) AUCs and (M, M) covariance from the structural components of every pair."""
    kernels = [kernel(row[labels == 1], row[labels == 0]) for row in scores]
    aucs = np.array([one.mean() for one in kernels])
    models = len(scores)
    covariance = np.zeros((models, models))
    for a in range(models):
        for b in range(models):
            for axis in (1, 0):
                first = kernels[a].mean(axis=axis) - aucs[a]
                second = kernels[b].mean(axis=axis) - aucs[b]
                covariance[a, b] += (first * second).sum() / (len(first) - 1) / len(first)
    return aucs, covariance
