"""Whether slices along one normal are one set, or several that were put under one name.

Two sets that cover the same range are two, however their positions fall: at the same places, 0.05
mm apart or half a step. A head whose slices carry an element that merely varies is one. The same
rule decides both, for each element that can tell sets apart (a *mark*):

- The values of a mark are packed into sets. Two parts lie apart where they share a position, or
  where their ranges overlap by a step or more and the one with more slices is complete
  without the other. Parts that only touch, and slices that fill the gaps of another part, are
  together; parts that share one border slice are joined, and the second slice there stands alone.
- The sets are taken where the steps within them are more regular than those of all slices together:
  two interleaved sets have steps of 0.3 and 4.7 mm together and of 5 mm each, while a head cut at
  random has even steps only as a whole.
- Where both are regular (two sets half a step apart, or a mark that changes with every second
  slice), the sets are taken if each is complete by itself: its step leaves no tissue between slices
  that was not imaged, by Slice Thickness (0018,0050); without a thickness, unless Instance Numbers
  (0020,0013) count on through all slices.
- Slices that do not overlap those around them, by their thickness, are no set of their own where
  all slices together are even but for a few.

Of several marks the one that leaves the most regular sets decides, and then the others in each set.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from molre.ct.geometry import SAME_POSITION_MM

NEAR_MM = 2 * SAME_POSITION_MM
_ALIKE = 1.25  # steps that differ by less are regular
_WIDE = 1.5  # times the usual step, or the thickness: something is missing
_ROOM = 0.75  # of the thickness, between neighbors of one set
_MOST_VALUES = 64  # of a mark that is packed value by value
_FEWEST = 3  # slices whose steps tell anything
_FEWEST_ROUNDS = 4  # of steps that alternate in a part of the range
_FEW_VALUES = 8  # of a mark without order, whatever the number of slices

Indices = list[int]


@dataclass(frozen=True)
class Mark:
    """An element that can tell sets of slices apart.

    Attributes:
        name: in words, for a note.
        values: one a slice; None where it is not stated.
        ordered: values count up in the order of acquisition.
        counts: it may count copies of a slice, too, and tells nothing where slices share a place.
        certain: it cannot change within an acquisition, so that sets that it tells apart need not
            be complete.
    """

    name: str
    values: tuple[Hashable, ...]
    ordered: bool = False
    certain: bool = False
    counts: bool = False


@dataclass(frozen=True)
class Slices:
    """Slices along one normal, ascending: mm, mm (nan where unknown), and 0 where unknown."""

    heights: np.ndarray
    thickness: np.ndarray
    instances: np.ndarray


@dataclass(frozen=True)
class Part:
    """Indices of the slices of one set, and the names of the marks that told it from others."""

    slices: Indices
    told_by: tuple[str, ...] = ()


def sets(slices: Slices, marks: Sequence[Mark]) -> list[Part]:
    """Take slices apart into sets, by the rule above; each slice is in one."""
    varied = [mark for mark in marks if len(set(mark.values)) > 1]
    return list(_sets(slices, varied, Part(list(range(len(slices.heights))))))


def _sets(slices: Slices, marks: Sequence[Mark], whole: Part) -> Iterator[Part]:
    best: tuple[int, int, str, list[Indices]] | None = None
    for mark in marks:
        for parts in _candidates(slices.heights, mark, whole.slices):
            if not _better(slices, mark, whole.slices, parts):
                continue
            cost = sum(irregular(slices.heights[part]) for part in parts)
            rank = (cost, -max(map(len, parts)), mark.name, parts)
            if best is None or rank[:2] < best[:2]:
                best = rank
    if best is None:
        yield whole
        return
    _, _, name, parts = best
    for part in parts:
        yield from _sets(slices, marks, Part(part, (*whole.told_by, name)))


def irregular(heights: np.ndarray) -> int:
    """How many slices of a stack, ascending, have unequal steps on both sides or share a place."""
    steps = np.diff(heights)
    low, high = np.minimum(steps[1:], steps[:-1]), np.maximum(steps[1:], steps[:-1])
    return int(np.sum(high > _ALIKE * low + SAME_POSITION_MM) + np.sum(steps <= NEAR_MM))


def _better(slices: Slices, mark: Mark, whole: Indices, parts: list[Indices]) -> bool:
    """Whether these parts are sets rather than pieces of one."""
    if len(parts) < 2:
        return False
    together = irregular(slices.heights[whole])
    *smaller, _ = sorted(parts, key=len)
    few = len(smaller[-1]) < _FEWEST or 10 * together <= len(whole)
    if few and not mark.certain and all(_has_room(slices, whole, part) for part in smaller):
        return False
    apart = sum(irregular(slices.heights[part]) for part in parts)
    if apart != together:
        return apart < together
    return all(is_complete(slices, whole, part, mark.certain) for part in parts)


def _has_room(slices: Slices, whole: Indices, part: Indices) -> bool:
    """Whether slices of known thickness hardly overlap those around them."""
    mine = set(part)
    others = slices.heights[[index for index in whole if index not in mine]].tolist()
    return all(
        _distance(others, float(slices.heights[index])) >= _ROOM * float(slices.thickness[index])
        for index in part
    )


def is_complete(slices: Slices, whole: Indices, part: Indices, certain: bool = False) -> bool:
    """Whether a part of evenly spaced slices is a set by itself, none of it left out."""
    thickness = slices.thickness[part]
    known = thickness[np.isfinite(thickness)]
    if len(part) < (_FEWEST if known.size else _FEWEST + 1):
        return False
    if certain:
        return True
    if known.size:
        usual = float(np.median(np.diff(slices.heights[part])))
        return usual <= _WIDE * float(np.median(known))
    if not slices.instances[whole].any():  # nothing else is known: two sets alternate, not three
        return 2 * len(part) + 1 >= len(whole)
    counted = np.diff(slices.instances[whole])
    return not (np.all(counted == 1) or np.all(counted == -1))


def _candidates(heights: np.ndarray, mark: Mark, whole: Indices) -> Iterator[list[Indices]]:
    by_value: dict[Hashable, Indices] = {}
    for index in whole:
        by_value.setdefault(mark.values[index], []).append(index)
    if len(by_value) < 2:
        return
    if mark.counts and np.diff(heights[whole]).min() <= NEAR_MM:
        return
    even = irregular(heights[whole]) == 0
    if not mark.ordered:
        if len(by_value) <= (_FEW_VALUES if even else min(_MOST_VALUES, len(whole) // 2)):
            counts = Counter({value: len(part) for value, part in by_value.items()})
            ranked = sorted(by_value, key=lambda value: (-counts[value], repr(value)))
            yield packed(heights, [by_value[value] for value in ranked])
        return
    parts = [by_value[value] for value in sorted(by_value, key=_in_order)]
    if even and _in_turn(parts):
        return
    swept = _sweeps(heights, parts)
    few_sweeps = len(swept) <= len(whole) // 3
    if few_sweeps and len(swept) > 1:
        for turned in (swept, _turned_early(swept)):
            yield packed(heights, [sorted(chain.from_iterable(sweep)) for sweep in turned])
    several = 2 * len(parts) <= len(whole)
    if len(parts) <= _MOST_VALUES and (several or (few_sweeps and len(swept) > 1)):
        yield packed(heights, parts)


def _in_order(value: Hashable) -> tuple[bool, Hashable]:
    return value is not None, value


def _in_turn(parts: list[Indices]) -> bool:
    """Whether each part begins where the one before ends, upwards or downwards."""
    ways = [[part[0] - before[-1] for before, part in pairwise(parts)]]
    ways.append([before[0] - part[-1] for before, part in pairwise(parts)])
    return any(min(way) > 0 for way in ways)


def _sweeps(heights: np.ndarray, parts: list[Indices]) -> list[list[Indices]]:
    """Parts in their order, put together for as long as they go on in one direction."""
    swept: list[list[Indices]] = []
    last, way = 0.0, 0.0
    for part in parts:
        height = float(np.mean(heights[part]))
        step = height - last
        if not swept or (way and step * way < 0):
            swept.append([])
            way = 0.0
        elif not way:
            way = step
        swept[-1].append(part)
        last = height
    return swept


def _turned_early(swept: list[list[Indices]]) -> list[list[Indices]]:
    """The same, where a sweep back begins beyond the end of the one before."""
    turned: list[list[Indices]] = []
    for sweep in swept:
        if turned and len(turned[-1]) > 1:
            *turned[-1], last = turned[-1]
            sweep = [last, *sweep]
        turned.append(list(sweep))
    return turned


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
    if any(_distance(one, height) <= NEAR_MM for height in other):
        return True
    if _touch(one, other):
        return False
    if len(one) == len(other):
        return max(_filled(one, other), _filled(other, one)) < 0.5
    fewer, more = sorted((one, other), key=len)
    return _filled(more, fewer) < 0.5


def _distance(heights: Sequence[float], height: float) -> float:
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
    filled = 0
    for height in inside:
        at = bisect_left(whole, height) - 1
        first = min(max(0, at - 4), max(0, len(steps) - 9))
        near = np.sort(steps[first : first + 9])
        filled += bool(steps[at] > _WIDE * near[len(near) // 4])
    return filled / len(inside)


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


def alternate(slices: Slices) -> bool:
    """Whether steps alternate as they do where two to four sets lie in each other.

    An honest scanner may alternate, too: its slices then do not overlap (two rows a rotation), or
    its steps differ by a percent.
    """
    steps = np.diff(slices.heights)
    known = slices.thickness[np.isfinite(slices.thickness)]
    thick = float(np.median(known)) if known.size else 0.0
    return any(_alternate(steps, thick, period) for period in (2, 3, 4))


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
