"""Fleiss' kappa: agreement of several readers who say yes or no, beyond what chance would give.

The interval is that of resamples of patients, so that several studies of one patient count as what
they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molre.arrays import FloatArray
from molre.evaluation.statistics.bootstrap import DRAWS, patient_weights, percentile_interval
from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.intervals import clopper_pearson
from molre.evaluation.statistics.kappa import NO_DISAGREEMENT

BOOTSTRAP = "patient bootstrap"


def fleiss_kappa(counts: FloatArray) -> FloatArray:
    """Kappa of R readers who each said yes or no of every study.

    Args:
        counts: (..., R + 1) studies, or weights of them, of which 0, 1 ... R readers said yes; R is
            at least two.

    Returns:
        (...), nan where all said one thing of everything, so that chance explains all.

    Source: Fleiss, Psychol. Bull. 76 (1971) 378.
    """
    counts = np.asarray(counts, dtype=np.float64)
    readers = counts.shape[-1] - 1
    yes = np.arange(readers + 1)
    pairs = (yes * (yes - 1) + (readers - yes) * (readers - yes - 1)) / (readers * (readers - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        studies = counts.sum(axis=-1)
        observed = counts @ pairs / studies
        share = counts @ yes / (studies * readers)
        chance = share**2 + (1 - share) ** 2
        found = np.where(1 - chance > 1e-12, (observed - chance) / (1 - chance), np.nan)
    return found


def fleiss_estimate(
    said: np.ndarray,
    patients: Sequence[str] | np.ndarray,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate | None:
    """Kappa of R readers with its interval.

    Where all agree in everything, no resample would disagree: there the interval is that of the
    share of disagreements (Clopper-Pearson, of patients).

    Args:
        said: bool (R, N).
        patients: (N,) whose.
        draws: resamples of patients.
        seed: of the resamples.

    Returns:
        The estimate with n studies; None where it is not defined.
    """
    readers, studies = said.shape
    yes = np.asarray(said, dtype=np.int64).sum(axis=0)
    counts = np.bincount(yes, minlength=readers + 1).astype(np.float64)
    value = float(fleiss_kappa(counts))
    if np.isnan(value):
        return None
    owner = np.unique(np.asarray(patients), return_inverse=True)[1]
    people = int(owner.max()) + 1
    if counts[0] + counts[-1] == studies:
        share = counts[-1] / studies
        low = 1 - clopper_pearson(0, people)[1] / (1 - share**2 - (1 - share) ** 2)
        return Estimate(value, max(-1.0, low), 1.0, NO_DISAGREEMENT, studies)
    of_patient = np.zeros((people, readers + 1))
    np.add.at(of_patient, (owner, yes), 1)
    drawn = patient_weights(people, draws, seed).astype(np.float64) @ of_patient
    low, high = percentile_interval(fleiss_kappa(drawn))
    return Estimate(value, min(low, value), max(high, value), BOOTSTRAP, studies)
