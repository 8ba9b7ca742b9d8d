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
- Slices that do not overlap those around them, by their thickness, are not a set of their own where
  all slices together are even but for a few.

Of several marks one decides, and then the others in each set: the one whose sets have no more
irregular steps than a lost slice and a change of thickness make; then one that makes few sets; then
an element rather than numbers and times, which often merely count; then the one with the most
regular steps and no Instance Number twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from molre.ct.grouping.packing import Indices, distance, packed
from molre.ct.grouping.steps import NEAR_MM, Slices, irregular, odd_steps, roughness, uneven

_WIDE = 1.5  # times the thickness: tissue between slices was not imaged
_ROOM = 0.75  # of the thickness, between neighbors of one set
_MOST_VALUES = 64  # of a mark that is packed value by value
_FEWEST = 3  # slices whose steps tell anything
_FEW_VALUES = 8  # of a mark without order, whatever the number of slices

_COMBS = 3  # parts; of two it is asked whether each is complete
_Rank = tuple[int, int, bool, int, float, int]


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
class Part:
    """One set.

    Attributes:
        slices: their indices.
        told_by: names of the marks that told it from others.
        counted: those of them that are numbers or times, which often merely count.
    """

    slices: Indices
    told_by: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()


def sets(slices: Slices, marks: Sequence[Mark]) -> list[Part]:
    """Take slices apart into sets, by the rule above; each slice is in one."""
    varied = [mark for mark in marks if len(set(mark.values)) > 1]
    return list(_sets(slices, varied, Part(list(range(len(slices.heights))))))


def _sets(slices: Slices, marks: Sequence[Mark], whole: Part) -> Iterator[Part]:
    best: tuple[_Rank, Mark, list[Indices]] | None = None
    for mark in marks:
        for parts in _candidates(slices.heights, mark, whole.slices):
            if not _better(slices, mark, whole.slices, parts):
                continue
            rank = _rank(slices, mark, parts)
            if best is None or rank < best[0]:
                best = (rank, mark, parts)
    if best is None:
        yield whole
        return
    _, mark, parts = best
    counted = (*whole.counted, *[mark.name] * (mark.ordered or mark.counts))
    for part in parts:
        yield from _sets(slices, marks, Part(part, (*whole.told_by, mark.name), counted))


def _rank(slices: Slices, mark: Mark, parts: list[Indices]) -> _Rank:
    """The lower, the better."""
    places = [slices.heights[part] for part in parts]
    unclean = sum(uneven(heights) for heights in places)
    rough = sum(roughness(heights) for heights in places)
    twice = sum(numbers_twice(slices.instances[part]) for part in parts)
    odd = sum(irregular(heights) + len(odd_steps(np.diff(heights))) for heights in places)
    few = (len(parts), mark.ordered or mark.counts, odd + twice)
    return (unclean, *few, round(rough, 1), -max(map(len, parts)))


def numbers_twice(instances: np.ndarray) -> int:
    """How many slices of one set have an instance number that another has, too."""
    stated = instances[instances != 0]
    different = len(set(stated.tolist()))
    return 0 if 2 * different < len(stated) else len(stated) - different  # or they do not count


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
        distance(others, float(slices.heights[index])) >= _ROOM * float(slices.thickness[index])
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
        low, high = slices.heights[part[0]], slices.heights[part[-1]]
        inside = np.sum((slices.heights[whole] >= low) & (slices.heights[whole] <= high))
        return bool(2 * len(part) + 1 >= inside)
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
            yield _without_combs(heights, packed(heights, [by_value[value] for value in ranked]))
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


def _without_combs(heights: np.ndarray, parts: list[Indices]) -> list[Indices]:
    """Parts, those as one of which three or more are every so manyth slice of one stack.

    It may have a gap and a change of thickness.
    """
    alike: dict[int, list[Indices]] = {}
    for part in sorted(parts, key=len):
        near = next((count for count in alike if len(part) - count <= 1), len(part))
        alike.setdefault(near, []).append(part)
    joined: list[Indices] = []
    for some in alike.values():
        together = sorted(chain.from_iterable(some))
        apart = len(some) >= _COMBS and np.diff(heights[together]).min() > NEAR_MM
        joined += [together] if apart and not uneven(heights[together]) else some
    return joined


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
