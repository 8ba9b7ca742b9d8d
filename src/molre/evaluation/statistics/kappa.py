"""Cohen's kappa: agreement of two raters beyond what their marginals alone would give."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, t

from molre.arrays import FloatArray
from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.intervals import LEVEL, clopper_pearson

ASYMPTOTIC = "asymptotic"
CLUSTERED = "asymptotic, patients as clusters"
NO_DISAGREEMENT = "exact, of disagreements"


def kappa(table: np.ndarray) -> float | FloatArray:
    """Kappa of one table of counts, or of many at once.

    Args:
        table: (..., K, K) counts or weights; rows of one rater, columns of the other.

    Returns:
        (...); nan where both raters use one and the same category only, or there are no counts.

    Source: Cohen, Educ. Psychol. Meas. 20 (1960) 37.
    """
    table = np.asarray(table, dtype=np.float64)
    total = table.sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.trace(table, axis1=-2, axis2=-1) / total
        chance = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1) / total**2
        found = np.where(1 - chance > 1e-12, (observed - chance) / (1 - chance), np.nan)
    return float(found) if found.ndim == 0 else found


def asymptotic_interval(table: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Large-sample interval, cut at -1 and 1; (nan, nan) where kappa is undefined.

    Args:
        table: (K, K) counts of independent units.
        level: e.g. 0.95.

    Source: Fleiss, Cohen and Everitt, Psychol. Bull. 72 (1969) 323, equation 13.
    """
    value = kappa(table)
    assert isinstance(value, float)
    if math.isnan(value):
        return float("nan"), float("nan")
    counts = np.asarray(table, dtype=np.float64)
    n = counts.sum()
    shares = counts / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = float(rows @ columns)
    diagonal = np.diag(shares) @ (1 - (rows + columns) * (1 - value)) ** 2
    pairs = (columns[:, None] + rows[None, :]) ** 2
    off = (1 - value) ** 2 * ((shares * pairs).sum() - np.diag(shares) @ np.diag(pairs))
    last = (value - chance * (1 - value)) ** 2
    variance = max(0.0, float(diagonal + off - last)) / ((1 - chance) ** 2 * n)
    reach = float(norm.ppf(0.5 + level / 2)) * math.sqrt(variance)
    return max(-1.0, value - reach), min(1.0, value + reach)


def clustered_interval(
    first: np.ndarray, second: np.ndarray, owner: np.ndarray, table: np.ndarray
) -> tuple[float, float]:
    """Interval of kappa where units come in clusters, cut at -1 and 1.

    Each unit's influence on kappa (the delta method, of which the large-sample interval is the
    case of one unit each) is summed over its cluster; the sums' variance is kappa's. Student's t
    with one degree of freedom less than clusters, as these may be few.

    Args:
        first, second: int (N,) categories.
        owner: int (N,) cluster, from 0 without gaps.
        table: (K, K) counts of the same, with a kappa.

    Source: Yang and Zhou, Statistics in Medicine 33 (2014) 4144.
    """
    value = kappa(table)
    assert isinstance(value, float)
    clusters, n = int(owner.max()) + 1, len(owner)
    if clusters < 2:
        return -1.0, 1.0
    shares = table / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, chance = float(np.trace(shares)), float(rows @ columns)
    agree = (first == second) - observed
    by_chance = columns[first] + rows[second] - 2 * chance
    influence = (agree * (1 - chance) - by_chance * (1 - observed)) / (1 - chance) ** 2
    sums = np.bincount(owner, weights=influence, minlength=clusters)
    variance = clusters / (clusters - 1) * float(sums @ sums) / n**2
    reach = float(t.ppf(0.5 + LEVEL / 2, clusters - 1)) * math.sqrt(variance)
    return max(-1.0, value - reach), min(1.0, value + reach)


def kappa_estimate(
    first: np.ndarray, second: np.ndarray, patients: Sequence[str] | np.ndarray, categories: int
) -> Estimate | None:
    """Kappa of N pairs of readings with its interval.

    Where units are independent the interval is the large-sample one; where patients have several,
    that of clusters. Where all pairs agree both would have no width: there it is that of the share
    of disagreements (Clopper-Pearson, of patients), at the marginals that were seen.

    Args:
        first, second: int (N,) categories from 0.
        patients: (N,) whose.
        categories: K.

    Returns:
        The estimate with n pairs; None where kappa is undefined (one category only, or no pair).
    """
    owner = np.unique(np.asarray(patients), return_inverse=True)[1]
    people = int(owner.max()) + 1 if len(owner) else 0
    one, other = (np.asarray(x, dtype=np.int64) for x in (first, second))
    counts = np.bincount(one * categories + other, minlength=categories**2)
    table = counts.reshape(categories, categories)
    value = kappa(table)
    assert isinstance(value, float)
    if math.isnan(value):
        return None
    n = len(one)
    if int(np.trace(table)) == n:
        shares = table / n
        chance = float(shares.sum(axis=1) @ shares.sum(axis=0))
        most = clopper_pearson(0, people)[1]
        low = max(-1.0, 1 - most / (1 - chance))
        return Estimate(value, low, 1.0, NO_DISAGREEMENT, n)
    if people == n:
        return Estimate(value, *asymptotic_interval(table), ASYMPTOTIC, n)
    return Estimate(value, *clustered_interval(one, other, owner, table), CLUSTERED, n)
