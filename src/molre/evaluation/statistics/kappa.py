"""Cohen's kappa: agreement of two raters beyond what their marginals alone would give."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from molre.arrays import FloatArray
from molre.evaluation.statistics.bootstrap import DRAWS, patient_weights, percentile_interval
from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.intervals import LEVEL, clopper_pearson

ASYMPTOTIC = "asymptotic"
BOOTSTRAP = "patient bootstrap"
NO_DISAGREEMENT = "exact, of disagreements"
ENOUGH = 5  # clusters that a bootstrap needs to say anything


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


def kappa_estimate(
    first: np.ndarray,
    second: np.ndarray,
    patients: Sequence[str] | np.ndarray,
    categories: int,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate | None:
    """Kappa of N pairs of readings with its interval.

    Where units are independent the interval is the large-sample one; where patients have several,
    patients are resampled. Where all pairs agree both would have no width: there it is that of the
    share of disagreements (Clopper-Pearson, of patients), at the marginals that were seen.

    Args:
        first, second: int (N,) categories from 0.
        patients: (N,) whose.
        categories: K.
        draws: of the bootstrap.
        seed: of the same.

    Returns:
        The estimate with n pairs; None where kappa is undefined (one category only, or no pair).
    """
    owner = np.unique(np.asarray(patients), return_inverse=True)[1]
    people = int(owner.max()) + 1 if len(owner) else 0
    cell = np.asarray(first, dtype=np.int64) * categories + np.asarray(second, dtype=np.int64)
    table = np.bincount(cell, minlength=categories**2).reshape(categories, categories)
    value = kappa(table)
    assert isinstance(value, float)
    if math.isnan(value):
        return None
    n = len(cell)
    if int(np.trace(table)) == n:
        shares = table / n
        chance = float(shares.sum(axis=1) @ shares.sum(axis=0))
        most = clopper_pearson(0, people)[1]
        low = max(-1.0, 1 - most / (1 - chance))
        return Estimate(value, low, 1.0, NO_DISAGREEMENT, n)
    if people == n or people < ENOUGH:
        low, high = asymptotic_interval(table if people == n else table * (people / n))
        return Estimate(value, low, high, ASYMPTOTIC, n)
    of_patient = np.zeros((people, categories**2))
    np.add.at(of_patient, (owner, cell), 1)
    drawn = patient_weights(people, draws, seed).astype(np.float64) @ of_patient
    values = kappa(drawn.reshape(-1, categories, categories))
    assert isinstance(values, np.ndarray)
    low, high = percentile_interval(values)
    return Estimate(value, min(low, value), max(high, value), BOOTSTRAP, n)
