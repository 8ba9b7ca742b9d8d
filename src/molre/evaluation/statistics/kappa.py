"""Agreement beyond chance of readers who say yes or no: Cohen's and Fleiss' kappa.

Intervals are percentiles of resamples of patients, so that several studies of one patient count as
what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from molre.arrays import FloatArray
from molre.evaluation.statistics.bootstrap import DRAWS, patient_weights
from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.intervals import LEVEL

METHOD = "patient bootstrap, percentile"


def cohen_kappa(counts: FloatArray) -> FloatArray:
    """Cohen's kappa of two readers.

    Args:
        counts: (..., C, C) studies by what the first and the second reader said.

    Returns:
        (...), nan where chance alone would make them agree (both said one thing of everything).

    Source: Cohen, Educ. Psychol. Meas. 20 (1960).
    """
    shares = counts / counts.sum(axis=(-2, -1), keepdims=True)
    observed = np.trace(shares, axis1=-2, axis2=-1)
    expected = (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)
    return _beyond(observed, expected)


def fleiss_kappa(counts: FloatArray, readers: int) -> FloatArray:
    """Fleiss' kappa of readers who each said yes or no of every study.

    Args:
        counts: (..., R + 1) studies of which 0, 1 ... R readers said yes.
        readers: R, at least two.

    Returns:
        (...), nan as above.

    Source: Fleiss, Psychol. Bull. 76 (1971).
    """
    yes = np.arange(readers + 1)
    agree = (yes * (yes - 1) + (readers - yes) * (readers - yes - 1)) / (readers * (readers - 1))
    studies = counts.sum(axis=-1)
    observed = counts @ agree / studies
    share = counts @ yes / (studies * readers)
    return _beyond(observed, share**2 + (1 - share) ** 2)


def cohen(
    first: np.ndarray,
    second: np.ndarray,
    patients: Sequence[str] | np.ndarray,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate | None:
    """Cohen's kappa of two readers with its interval.

    Args:
        first: bool (N,).
        second: bool (N,).
        patients: (N,) whose.
        draws: resamples of patients.
        seed: of the resamples.

    Returns:
        The estimate with n studies; None where it is not defined.
    """
    said = 2 * np.asarray(first, dtype=int) + np.asarray(second, dtype=int)
    return _estimate(said, 4, lambda c: cohen_kappa(c.reshape(-1, 2, 2)), patients, (draws, seed))


def fleiss(
    said: np.ndarray,
    patients: Sequence[str] | np.ndarray,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate | None:
    """Fleiss' kappa of several readers with its interval.

    Args:
        said: bool (R, N).
        patients: (N,) whose.
        draws: resamples of patients.
        seed: of the resamples.

    Returns:
        The estimate with n studies; None where it is not defined.
    """
    readers, yes = len(said), np.asarray(said).sum(axis=0)
    kappa = lambda counts: fleiss_kappa(counts, readers)  # noqa: E731
    return _estimate(yes, readers + 1, kappa, patients, (draws, seed))


def _estimate(
    kinds: np.ndarray,
    of: int,
    kappa: Callable[[FloatArray], FloatArray],
    patients: Sequence[str] | np.ndarray,
    resamples: tuple[int, int],
) -> Estimate | None:
    """A statistic of how many studies are of each kind (N,) with its interval."""
    if not len(kinds):
        return None
    owner = np.unique(np.asarray(patients), return_inverse=True)[1]
    people = int(owner.max()) + 1
    counts = np.zeros((people, of))
    np.add.at(counts, (owner, kinds), 1)
    value = float(kappa(counts.sum(axis=0)[None])[0])
    if np.isnan(value):
        return None
    # A draw of one kind only, in which all agree by chance, says nothing and is left out.
    drawn = kappa(patient_weights(people, *resamples) @ counts)
    drawn = drawn[~np.isnan(drawn)]
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(drawn, [tail, 100 - tail]) if len(drawn) else (np.nan, np.nan)
    return Estimate(value, float(low), float(high), METHOD, len(kinds))


def _beyond(observed: FloatArray, expected: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = (observed - expected) / (1 - expected)
    return np.where(np.isclose(expected, 1, rtol=0, atol=1e-12), np.nan, kappa)
