"""Decision curve: is acting on the model better than acting on all, or on none?

Net benefit counts true positives and subtracts false ones at the rate of exchange that a threshold
implies: whoever acts from a probability of 0.1 on holds a missed case as bad as nine false alarms.

Source: Vickers and Elkin, Medical Decision Making 26 (2006).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.stats import norm

from molre.arrays import FloatArray
from molre.evaluation.statistics.intervals import LEVEL
from molre.runs.run import Run

THRESHOLDS = tuple(i / 100 for i in range(1, 100))


def decision_curve(run: Run, members: Sequence[int]) -> pl.DataFrame:
    """One row a finding of the endpoint and threshold.

    Args:
        run: the run.
        members: positions of the endpoint's findings.
    """
    tables = []
    for k in members:
        known = ~np.isnan(run.labels[:, k])
        owners = np.asarray(run.patients)[known]
        curve = net_benefit(run.probabilities[known, k], run.labels[known, k], owners)
        finding = run.findings[k]
        tables.append(
            curve.select(
                pl.lit(finding).alias("finding"),
                pl.lit(run.calibrated.get(finding), dtype=pl.Boolean).alias("calibrated"),
                pl.all(),
            )
        )
    return pl.concat(tables)


def net_benefit(
    probabilities: FloatArray, labels: FloatArray, patients: Sequence[str] | np.ndarray
) -> pl.DataFrame:
    """Net benefit of acting on the model, on all and (0) on none, by threshold.

    Args:
        probabilities: (N,).
        labels: (N,) 1 or 0.
        patients: (N,).

    Returns:
        threshold, net_benefit with low and high (pointwise, patients as clusters), treat_all,
        n, positives, and the true and false positives behind it.
    """
    at = np.array(THRESHOLDS)
    odds = at / (1 - at)
    called = probabilities[:, None] >= at  # (N, T)
    worth = np.where(labels[:, None] == 1, 1.0, -odds) * called
    value = worth.mean(axis=0)
    error = _standard_errors(worth - value, patients)
    half = float(norm.ppf(0.5 + LEVEL / 2)) * error
    prevalence = float(labels.mean())
    return pl.DataFrame(
        {
            "threshold": at,
            "net_benefit": value,
            "net_benefit_low": value - half,
            "net_benefit_high": value + half,
            "treat_all": prevalence - (1 - prevalence) * odds,
            "n": np.full(len(at), len(labels)),
            "positives": np.full(len(at), int(labels.sum())),
            "true_positives": (called & (labels[:, None] == 1)).sum(axis=0),
            "false_positives": (called & (labels[:, None] == 0)).sum(axis=0),
        }
    )


def _standard_errors(centered: FloatArray, patients: Sequence[str] | np.ndarray) -> FloatArray:
    """(T,) standard errors of the mean of N rows that are clustered by patient."""
    owner = np.unique(np.asarray(patients), return_inverse=True)[1]
    people = int(owner.max()) + 1
    if people < 2:
        return np.full(centered.shape[1], np.nan)
    sums = np.zeros((people, centered.shape[1]))
    np.add.at(sums, owner, centered)
    variance = (sums**2).sum(axis=0) * people / (people - 1) / len(centered) ** 2
    return np.asarray(np.sqrt(variance))
