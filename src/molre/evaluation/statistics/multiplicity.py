"""Adjusted p-values: Holm for the few primary contrasts, Benjamini-Hochberg for many findings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from molre.arrays import FloatArray


def holm(p: FloatArray) -> FloatArray:
    """Holm's step-down p-values: the chance of any false claim in the family stays below alpha.

    Args:
        p: (T,) raw p-values; nan (no test was made) stays nan and is not counted.

    Source: Holm, Scand. J. Stat. 6 (1979).
    """
    return _adjust(p, _holm_sorted)


def benjamini_hochberg(p: FloatArray) -> FloatArray:
    """Benjamini-Hochberg p-values: the expected share of false claims stays below alpha.

    Args:
        p: (T,) raw p-values; nan (no test was made) stays nan and is not counted.

    Source: Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995).
    """
    return _adjust(p, _bh_sorted)


def _holm_sorted(rising: FloatArray) -> FloatArray:
    remaining = np.arange(len(rising), 0, -1)
    return np.maximum.accumulate(rising * remaining)


def _bh_sorted(rising: FloatArray) -> FloatArray:
    total = len(rising)
    scaled = rising * total / np.arange(1, total + 1)
    return np.minimum.accumulate(scaled[::-1])[::-1]


def _adjust(p: FloatArray, rule: Callable[[FloatArray], FloatArray]) -> FloatArray:
    p = np.asarray(p, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    if len(order):
        adjusted[order] = np.minimum(rule(p[order]), 1.0)
    return adjusted
