"""Slices of one value each, packed into as few sets as their places along the normal allow."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from molre.ct.grouping.steps import NEAR_MM

_WIDE = 1.5  # times the usual step: something is missing
_BESIDE = 4  # steps on a side that tell what is usual there; one fewer do

Indices = list[int]


def packed(heights: np.ndarray, parts: Sequence[Indices]) -> list[Indices]:
    """Put each part, in turn, into the first set that it does not lie apart from."""
    found: list[tuple[Indices, list[float]]] = []
    for part in parts:
        mine = heights[part].tolist()
        for taken, covered in found:
            if not lie_apart(covered, mine):
                taken += part
                covered += mine
                covered.sort()
                break
        else:
            found.append((list(part), mine))
    return _joined_at_borders(heights, [sorted(taken) for taken, _ in found])


def lie_apart(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two parts, mm ascending, are of different sets by their places alone."""
    if one[-1] < other[0] - NEAR_MM or other[-1] < one[0] - NEAR_MM:
        return False
    if any(distance(one, height) <= NEAR_MM for height in other):
        return True
    if _touch(one, other):
        return False
    if len(one) == len(other):
        return max(_filled(one, other), _filled(other, one)) < 0.5
    fewer, more = sorted((one, other), key=len)
    return _filled(more, fewer) < 0.5


def distance(heights: Sequence[float], height: float) -> float:
    """From a height to the nearest of others, mm ascending."""
    at = bisect_left(heights, height)
    return min(abs(near - height) for near in heights[max(at - 1, 0) : at + 1])


def _touch(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether each goes beyond the other on its own side, and they overlap by less than a step."""
    below, above = sorted((one, other), key=lambda part: part[0])
    overlap = below[-1] - above[0]
    steps = [
        side[1] - side[0]
        for side in (list(below[-2:]), list(above[:2]))
        if len(side) == 2  # one slice has no step
    ]
    return above[-1] > below[-1] and bool(steps) and overlap < max(steps) - NEAR_MM


def _filled(whole: Sequence[float], others: Sequence[float]) -> float:
    """The fraction of other slices within a part's range that lie in gaps of it."""
    steps = np.diff(np.array(whole))
    inside = [height for height in others if whole[0] < height < whole[-1]]
    if not inside:
        return 1.0
    gaps = [bisect_left(whole, height) - 1 for height in inside]
    return sum(bool(steps[at] > _WIDE * _usual(steps, at)) for at in gaps) / len(inside)


def _usual(steps: np.ndarray, at: int) -> float:
    """What steps are around one of them; where they change from one size to another, the larger."""
    below, above = steps[max(0, at - _BESIDE) : at], steps[at + 1 : at + 1 + _BESIDE]
    sides = [side for side in (below, above) if len(side) >= _BESIDE - 1]
    sides = sides or [np.concatenate([below, above, steps[at : at + 1]])]
    return max(float(np.sort(side)[len(side) // 4]) for side in sides)


def _joined_at_borders(heights: np.ndarray, parts: list[Indices]) -> list[Indices]:
    """Sets of which one begins at the slice where another ends are one, without a second there."""
    order = sorted((part for part in parts if len(part) > 1), key=lambda part: heights[part[0]])
    alone = [part for part in parts if len(part) == 1]
    joined: list[Indices] = []
    for part in order:
        below = next((known for known in joined if _share_border(heights, known, part)), None)
        if below is None:
            joined.append(part)
            continue
        joined.remove(below)
        twice = below[-1] if len(below) < len(part) else part[0]
        joined.append([index for index in sorted([*below, *part]) if index != twice])
        alone.append([twice])
    return [*joined, *alone]


def _share_border(heights: np.ndarray, below: Indices, above: Indices) -> bool:
    return abs(heights[below[-1]] - heights[above[0]]) <= NEAR_MM
