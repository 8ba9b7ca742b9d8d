"""Interval of a macro AUC that inherits the coverage of its findings' score intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molre.arrays import FloatArray
from molre.evaluation.statistics.estimate import Estimate

JOINED = "score intervals joined, correlations by patient bootstrap"


def macro_interval(
    estimates: Sequence[Estimate], draws: FloatArray, weights: FloatArray | None = None
) -> tuple[float, float]:
    """Join the intervals of K findings into that of their weighted mean.

    A bound of the mean lies as far from it as the findings' own bounds lie from their estimates,
    added up as correlated errors are: how one finding's AUC goes with another's, from sample to
    sample, is taken from the patient bootstrap, and how far each goes from its own interval, which
    is where the bootstrap is too narrow.

    Args:
        estimates: of the findings of the endpoint.
        draws: (B, K) their bootstrapped AUCs; draws with a nan are left out.
        weights: (K,) that sum to 1; all the same by default.

    Returns:
        (low, high); (nan, nan) without findings.

    Source: Zou and Donner, Statistics in Medicine 27 (2008) 1693 (MOVER); for correlated
    estimates Zou, Psychological Methods 12 (2007) 399.
    """
    if not estimates:
        return float("nan"), float("nan")
    value = np.array([one.value for one in estimates])
    share = np.full(len(value), 1 / len(value)) if weights is None else weights
    below = share * (value - np.array([one.low for one in estimates]))
    above = share * (np.array([one.high for one in estimates]) - value)
    together, mean = correlations(draws), float(share @ value)
    low = mean - float(np.sqrt(max(0.0, below @ together @ below)))
    high = mean + float(np.sqrt(max(0.0, above @ together @ above)))
    return max(0.0, low), min(1.0, high)


def correlations(draws: FloatArray) -> FloatArray:
    """(K, K) correlations of bootstrapped AUCs; findings that do not vary go with no other."""
    whole = draws[~np.isnan(draws).any(axis=1)]
    findings = draws.shape[1]
    if len(whole) < 2:
        return np.eye(findings)
    centered = whole - whole.mean(axis=0)
    spread = np.sqrt((centered**2).sum(axis=0))
    scaled = np.divide(centered, spread, out=np.zeros_like(centered), where=spread > 0)
    together = scaled.T @ scaled
    np.fill_diagonal(together, 1.0)
    return np.asarray(together)
