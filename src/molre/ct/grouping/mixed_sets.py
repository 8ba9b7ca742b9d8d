"""Stacks that hold slices of more than one set, which nothing tells apart: they are refused.

A stack that was never divided shows it where its steps alternate as those of two sets do, where
several slices nearly share a place, or where Instance Numbers (0020,0013) come in pairs. A part of
a series shows it where two of its slices nearly share a place or its steps are uneven; where
numbers and times alone told the parts, also by a step that no scan takes, and by numbers that come
twice or rise and fall; and an uneven part beside a larger one of several sets is a part of these.
One such part makes all of its series doubtful.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molre.ct.dicom.refusal import Refusal
from molre.ct.grouping.sets import numbers_twice
from molre.ct.grouping.stack import Stack
from molre.ct.grouping.steps import alternate, in_pairs, irregular, odd_steps, runs_one_way, uneven

_TORN = 0.25  # of the usual step
_TINY = 2  # slices, that are no set
_OFTEN = 3  # slices too near, or whose number another has: more than chance makes
_REMEDY = "export each acquisition and each reconstruction as a series of its own"


def several_in_one(stack: Stack) -> Refusal | None:
    """Why a stack is several sets, or None."""
    placed, steps = stack.placed, np.diff(stack.distinct)
    if alternate(placed):
        sign = f"their steps alternate between {steps.min():.2f} and {steps.max():.2f} mm"
    elif len(steps) > _OFTEN and np.sum(steps <= _TORN * np.median(steps)) >= _OFTEN:
        sign = f"many lie {steps.min():.2f} mm from each other, most {np.median(steps):.2f} mm"
    elif in_pairs(placed.instances):
        sign = "neighbors have the same Instance Number, pair by pair"
    else:
        return None
    what = "its slices belong to more than one set in the same range, which no element tells apart"
    return f"{what}: {sign}", _REMEDY


def mixed_parts(parts: Sequence[Stack]) -> Refusal | None:
    """Why the parts of a series do not hold a set each, or None."""
    if len(parts) < 2:
        return None
    several = sum(len(part.members) > _TINY for part in parts) > 1
    for part in parts:
        if sign := _sign(part, several):
            what = "its slices belong to more than one set in the same range, which cannot be told "
            return f"{what}apart cleanly: {sign}", _REMEDY
        if (cause := several_in_one(part)) and (part.counted or _has_uneven(parts, part)):
            return cause
    return None


def _has_uneven(parts: Sequence[Stack], larger: Stack) -> bool:
    """Whether one of the smaller parts is uneven."""
    return any(
        len(part.members) < len(larger.members) and irregular(part.distinct) > 0 for part in parts
    )


def _sign(part: Stack, several: bool) -> str | None:
    """What shows that a part holds slices of another; ``several`` are more than stray slices."""
    steps, numbers = np.diff(part.distinct), part.placed.instances
    if len(steps) < 3:
        return None
    odd = [float(steps.min())] if steps.min() <= _TORN * np.median(steps) else []
    if part.counted:
        odd += [*odd_steps(steps), *steps[_paired(numbers)]]
    if odd:
        return f"two lie {odd[0]:.2f} mm from each other, most {np.median(steps):.2f} mm"
    if several and uneven(part.distinct):
        return f"their steps are uneven, {steps.min():.2f} to {steps.max():.2f} mm"
    if "instance number" in part.counted and not runs_one_way(numbers):
        return "their Instance Numbers rise and fall"
    if part.counted and several and numbers_twice(numbers) >= _OFTEN:
        return "their Instance Numbers occur twice"
    return None


def _paired(numbers: np.ndarray) -> np.ndarray:
    """Which neighbors have one Instance Number, where others have one each; (S - 1,) bool."""
    same = (numbers[1:] == numbers[:-1]) & (numbers[1:] != 0)
    return same & (2 * same.sum() < len(same))
