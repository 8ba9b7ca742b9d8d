"""What the steps between slices of a stack tell: whether they are even, alternate or do not fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from molre.ct.geometry import SAME_POSITION_MM

NEAR_MM = 2 * SAME_POSITION_MM
ALIKE = 1.25  # steps that differ by less are regular
_MULTIPLE = 0.002  # of a step, by which the same or a multiple may miss
_FEW_IRREGULAR = 3  # slices of a set: beside a lost one, and where thickness changes
_FEWEST_PAIRS = 4  # of numbers
_FEWEST_ROUNDS = 4  # of steps that alternate in a part of the range


@dataclass(frozen=True)
class Slices:
    """Slices along one normal, ascending: mm, mm (nan where unknown), and 0 where unknown."""

    heights: np.ndarray
    thickness: np.ndarray
    instances: np.ndarray


def irregular(heights: np.ndarray) -> int:
    """How many slices of a stack, ascending, have unequal steps on both sides or share a place."""
    steps = np.diff(heights)
    low, high = np.minimum(steps[1:], steps[:-1]), np.maximum(steps[1:], steps[:-1])
    return int(np.sum(high > ALIKE * low + SAME_POSITION_MM) + np.sum(steps <= NEAR_MM))


def uneven(heights: np.ndarray) -> int:
    """The irregular slices, where they are more than a lost one and a change of thickness make."""
    count = irregular(heights)
    return count if count > max(_FEW_IRREGULAR, len(heights) // 10) else 0


def roughness(heights: np.ndarray) -> float:
    """How far steps are from the usual one, mm."""
    steps = np.diff(heights)
    return float(np.abs(steps - np.median(steps)).sum()) if len(steps) else 0.0


def odd_steps(steps: np.ndarray) -> list[float]:
    """One step or two that no scan takes: slices of two sets changed places there.

    A step is a multiple of one beside it, or lies where a scan goes from one thickness to another;
    where many are not, positions were rounded.

    Args:
        steps: mm, of one set.
    """
    odd = []
    for at, step in enumerate(steps.tolist()):
        beside = [float(steps[i]) for i in (at - 1, at + 1) if 0 <= i < len(steps)]
        if len(beside) == 2 and not _multiple(*beside):
            continue
        if not any(_multiple(step, other) for other in beside):
            odd.append(step)
    return odd if len(odd) <= max(2, len(steps) // 10) else []


def runs_one_way(numbers: np.ndarray) -> bool:
    """Whether numbers along a set rise or fall, but for one in ten; those of few slices do."""
    turns = np.diff(np.sign(np.diff(numbers))) != 0
    return int(turns.sum()) <= max(1, len(numbers) // 10)


def in_pairs(numbers: np.ndarray) -> bool:
    """Whether most numbers along a stack come twice, at slices beside each other.

    Args:
        numbers: (S,), 0 where unknown.
    """
    counts = Counter(numbers[numbers != 0].tolist())
    if len(counts) < _FEWEST_PAIRS or max(counts.values()) > 2:
        return False
    near = [numbers[away:] == numbers[:-away] for away in (1, 2)]
    return int(sum(same.sum() for same in near)) > 0.5 * len(counts)


def _multiple(one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return _same(high, round(high / low) * low if low > SAME_POSITION_MM else 0.0)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _MULTIPLE * min(one, other) + SAME_POSITION_MM


def alternate(slices: Slices) -> bool:
    """Whether steps alternate as they do where two to four sets lie in each other.

    An honest scanner may alternate, too: its slices then do not overlap (two rows a rotation), or
    its steps differ by a percent; and an archive may round places to whole millimeters, from which
    even steps of the thickness follow still.
    """
    steps = np.diff(slices.heights)
    known = slices.thickness[np.isfinite(slices.thickness)]
    thick = float(np.median(known)) if known.size else 0.0
    if thick and _rounded(slices.heights, thick):
        return False
    return any(_alternate(steps, thick, period) for period in (2, 3, 4))


def _rounded(heights: np.ndarray, thick: float) -> bool:
    """Whether even slices, no thinner than their steps, have these places in whole millimeters."""
    apart = heights - heights[0]
    whole = np.rint(apart)
    if len(heights) < _FEWEST_ROUNDS or np.abs(apart - whole).max() > SAME_POSITION_MM:
        return False
    step = float(apart[-1]) / (len(heights) - 1)
    even = step * np.arange(len(heights))
    return abs(step - thick) <= 0.1 * thick and bool(np.abs(even - apart).max() < 1)


def _alternate(steps: np.ndarray, thick: float, period: int) -> bool:
    """Whether steps come again after ``period`` of them, and hardly fit to one set."""
    windows = len(steps) - 2 * period + 1
    if windows < max(1, period - 1) or len(steps) < 5:
        return False
    rounds = np.lib.stride_tricks.sliding_window_view(steps, 2 * period)
    first, again = rounds[:, :period], rounds[:, period:]
    alike = np.abs(first - again).max(axis=1) <= 0.05 * first.max(axis=1) + SAME_POSITION_MM
    low, high, total = first.min(axis=1), first.max(axis=1), first.sum(axis=1)
    apart = high - low > 0.15
    if thick:
        apart &= ((low < 0.97 * high) & (total <= 1.3 * thick)) | (
            (low < 0.8 * high) & (low < 0.9 * thick)
        )
    else:
        apart &= low < 0.6 * high
    found = int(np.sum(alike & apart))
    return found > 0.5 * windows or found > max(_FEWEST_ROUNDS, 0.2 * windows)
