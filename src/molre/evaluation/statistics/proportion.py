"""A share of studies with its interval, where a patient may have several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.intervals import clopper_pearson

EXACT = "Clopper-Pearson"
CLUSTERED = "Clopper-Pearson, effective n"


def share(right: np.ndarray, patients: Sequence[str] | np.ndarray) -> Estimate | None:
    """Share of ``right`` with an exact interval.

    Studies of one patient are not independent: there the interval is that of as many studies as
    would vary as much, at least one a patient and at most all (Korn and Graubard, Survey
    Methodology 24, 1998).

    Args:
        right: bool (N,).
        patients: (N,) whose.

    Returns:
        The estimate with n studies, or None without any.
    """
    studies = len(right)
    if not studies:
        return None
    owner = np.unique(np.asarray(patients), return_inverse=True)[1]
    people = int(owner.max()) + 1
    value = float(np.mean(right))
    if people == studies:
        low, high = clopper_pearson(int(np.sum(right)), studies)
        return Estimate(value, low, high, EXACT, studies)
    enough = effective(right, patients)
    low, high = clopper_pearson(value * enough, enough)
    return Estimate(value, low, high, CLUSTERED, studies)


def effective(right: np.ndarray, patients: Sequence[str] | np.ndarray) -> float:
    """Independent studies that would vary as much as these: the n of every interval of a share.

    Args:
        right: (N,) bool, or 1 and 0; at least one.
        patients: (N,) whose.
    """
    right = np.asarray(right, dtype=np.float64)
    owner = np.unique(np.asarray(patients), return_inverse=True)[1]
    value, studies, people = float(right.mean()), len(right), int(owner.max()) + 1
    if people == studies:
        return float(studies)
    if people < 2 or value in (0.0, 1.0):
        return float(people)
    sums = np.bincount(owner, weights=right - value, minlength=people)
    variance = float(sums @ sums) * people / (people - 1) / studies**2
    if variance == 0:
        return float(studies)
    return float(np.clip(value * (1 - value) / variance, people, studies))
