"""Two runs that are one: a copy under another seed or arm does not repeat a training.

AUC knows the order of scores alone. So two runs are one where every finding puts the test studies
in the same order, or where all logits agree but for rounding: a copy stays one when it is
calibrated again, scaled, or given a little noise. Trainings from two seeds start from other
weights, and agree in neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from molre.arrays import FloatArray
from molre.errors import MolreError
from molre.runs.run import Run

NEAR = 0.01  # of a standard deviation of the logits: closer than two seeds have been seen
_ROUNDING = 1e-4  # absolute and relative: float32 in another order, on another machine
_ENOUGH = 200  # answers from which two trainings do not order all of them alike by chance


@dataclass(frozen=True)
class _Print:
    """What tells one run's predictions from another's: logits, ranks, standardized logits."""

    run: Run
    logits: FloatArray
    ranks: FloatArray
    standard: FloatArray

    @property
    def name(self) -> str:
        return f"{self.run.arm!r}, seed {self.run.seed}"


def refuse_copies(runs: Sequence[Run]) -> None:
    """Every seed of an arm must be a training of its own.

    Args:
        runs: of one arm and one group.

    Raises:
        MolreError: two of them are one.
    """
    for one, other in combinations([_print(run) for run in runs], 2):
        if _same(one, other):
            raise MolreError(
                f"holds the predictions of {one.run.path}: seeds {one.run.seed} and "
                f"{other.run.seed} of arm {one.run.arm!r} are one training, not two",
                where=other.run.path,
                fix="name each training once; train the arm again for another seed",
            )


def twin_notes(runs: Sequence[Run]) -> Iterator[str]:
    """One sentence for each pair of runs that are, or all but are, one run.

    Args:
        runs: all of a comparison, on the same studies and findings.
    """
    for one, other in combinations([_print(run) for run in runs], 2):
        names = " and ".join(_folders(one.run, other.run))
        if _same(one, other):
            yield (
                f"{names} hold the same predictions, though one is {one.name} and the other "
                f"{other.name}: one may be a copy, or what sets them apart has no effect."
            )
        elif _varies(one) and _apart(one, other) < NEAR:
            yield (
                f"{names} nearly agree: their logits differ by less than {NEAR:g} of a standard "
                "deviation, so that one may be a copy."
            )


def _folders(*runs: Run) -> list[str]:
    short = [run.path.name for run in runs]
    return short if len(set(short)) == len(short) else [str(run.path) for run in runs]


def _print(run: Run) -> _Print:
    logits = run.logits
    centered = logits - logits.mean(axis=0)
    spread = centered.std(axis=0)
    standard = np.divide(centered, spread, out=np.zeros_like(centered), where=spread > 0)
    return _Print(run, logits, rankdata(logits, axis=0), standard)


def _same(one: _Print, other: _Print) -> bool:
    if not _varies(one):  # of models that say the same of every scan, nothing can be told
        return False
    gap = np.abs(one.logits - other.logits) / (_ROUNDING * (1 + np.abs(other.logits)))
    varying = int((np.ptp(one.logits, axis=0) > 0).sum())
    told = len(one.logits) * varying >= _ENOUGH
    return bool(gap.max() <= 1 or (told and np.array_equal(one.ranks, other.ranks)))


def _varies(one: _Print) -> bool:
    return bool((np.ptp(one.logits, axis=0) > 0).any())


def _apart(one: _Print, other: _Print) -> float:
    """Root mean square difference of the standardized logits; largest over the findings."""
    return float(np.sqrt(((one.standard - other.standard) ** 2).mean(axis=0)).max())
