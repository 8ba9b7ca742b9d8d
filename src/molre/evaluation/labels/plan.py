"""What a sample of labels will be able to say, before anybody reads: widths of its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from molre.errors import MolreError
from molre.evaluation.labels.sample import Plan
from molre.evaluation.statistics.intervals import wilson
from molre.evaluation.statistics.stratified import Stratum, drawn_counts

DRAWS = 1000


@dataclass(frozen=True)
class Aim:
    """What is expected of every finding's PPV and sensitivity, and the half-width wanted of both.

    ``half_width`` is None where numbers of cells were asked for.
    """

    expected: float = 0.9
    half_width: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 < self.expected <= 1:
            raise MolreError(f"{self.expected:g} is not a share above 0", where="--expected")


@dataclass(frozen=True)
class Expected:
    """What is expected of the labels of one finding.

    Attributes:
        present: cells that they call present.
        others: cells that they do not.
        ppv, sensitivity: of them.
    """

    present: int
    others: int
    ppv: float
    sensitivity: float

    @property
    def missed(self) -> float:
        """Share of the others that should have been called present."""
        if not self.others:
            return 0.0
        right = self.present * self.ppv
        return min(1.0, right * (1 / self.sensitivity - 1) / self.others)


def ppv_half_width(expected: Expected, present: int) -> float | None:
    """Half of the width of PPV's interval (Wilson), so many present cells read; None of none."""
    read = min(present, expected.present)
    if not read:
        return None
    low, high = wilson(expected.ppv * read, read)
    return (high - low) / 2


def sensitivity_half_width(expected: Expected, present: int, others: int) -> float | None:
    """The same of sensitivity, with so many of the other cells read as well.

    Args:
        expected: of the finding.
        present, others: cells that are read, at most all there are.

    Returns:
        None where none of the present cells is read.
    """
    read, beside = min(present, expected.present), min(others, expected.others)
    if not read:
        return None
    strata = [_stratum(True, expected.present, read, expected.ppv)]
    if beside:
        strata.append(_stratum(False, expected.others, beside, expected.missed))
    elif expected.others:
        return 0.5  # nothing is known of what was missed
    tp, _, fn, _ = drawn_counts(strata, DRAWS, 0)
    low, high = np.quantile(tp / (tp + fn), [0.025, 0.975])
    return float(high - low) / 2


def others_needed(expected: Expected, present: int, half_width: float) -> int | None:
    """Fewest other cells with which the interval of sensitivity is as narrow as wanted.

    Args:
        expected: of the finding.
        present: cells that are read of those called present.
        half_width: wanted.

    Returns:
        None where even all of them are too few, as too few present cells are read.
    """
    if not expected.present or not present:
        return None

    def wide(others: int) -> bool:
        found = sensitivity_half_width(expected, present, others)
        return found is None or found > half_width

    low, high = 0, expected.others
    if wide(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if wide(middle) else (low, middle)
    return low


def widths(sizes: Sequence[tuple[str, int, int]], plan: Plan, aim: Aim) -> pl.DataFrame:
    """What a plan will be able to say of each finding.

    Args:
        sizes: finding, cells that the labels call present, and cells that they do not.
        plan: how many are drawn. Other cells are counted as one stratum, of ``plan.others``.
        aim: what is expected and wanted.

    Returns:
        Columns finding, present, others, read_present, read_others, ppv_half_width,
        sensitivity_half_width, and others_needed for the wanted width; null where there is none.
    """
    rows = []
    for finding, present, others in sizes:
        expected = Expected(present, others, aim.expected, aim.expected)
        needed = None
        if aim.half_width is not None:
            needed = others_needed(expected, plan.present, aim.half_width)
        rows.append(
            {
                "finding": finding,
                "present": present,
                "others": others,
                "read_present": min(present, plan.present),
                "read_others": min(others, plan.others),
                "ppv_half_width": ppv_half_width(expected, plan.present),
                "sensitivity_half_width": sensitivity_half_width(
                    expected, plan.present, plan.others
                ),
                "others_needed": needed,
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


SCHEMA = {
    "finding": pl.String,
    **dict.fromkeys(("present", "others", "read_present", "read_others"), pl.Int64),
    **dict.fromkeys(("ppv_half_width", "sensitivity_half_width"), pl.Float64),
    "others_needed": pl.Int64,
}


def _stratum(called: bool, size: int, read: int, share: float) -> Stratum:
    return Stratum(called, size, read * share, read * (1 - share))
