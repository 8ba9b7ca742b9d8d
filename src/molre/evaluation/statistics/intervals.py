"""Confidence intervals of a proportion: exact (Clopper-Pearson) and score (Wilson)."""

from __future__ import annotations

import math

from scipy.stats import beta, norm

LEVEL = 0.95


def clopper_pearson(successes: float, trials: float, level: float = LEVEL) -> tuple[float, float]:
    """Exact two-sided interval; it never covers less than ``level``.

    Args:
        successes: 0 to ``trials``.
        trials: how many; with none the interval is (0, 1).
        level: e.g. 0.95.

    Source: Clopper and Pearson, Biometrika 26 (1934).
    """
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    failures = trials - successes
    low = float(beta.ppf(tail, successes, failures + 1)) if successes > 0 else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, failures)) if failures > 0 else 1.0
    return low, high


def wilson(successes: float, trials: float, level: float = LEVEL) -> tuple[float, float]:
    """Score interval, close to ``level`` on average.

    Args:
        successes: 0 to ``trials``.
        trials: how many; with none the interval is (0, 1).
        level: e.g. 0.95.

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927).
    """
    if trials == 0:
        return 0.0, 1.0
    z = float(norm.ppf(0.5 + level / 2))
    share = successes / trials
    scale = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)
