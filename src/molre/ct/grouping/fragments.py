"""When several series of a study are pieces of one: some exports give each slice a UID of its own.

Series stay apart, as their UIDs say, but for pieces that make no sense alone and an even stack
together: a single slice or two, or slices with gaps that the others fill; and for a series that
goes on in even steps where pieces that were joined end. They must agree in patient, kernel, kV,
thickness, image type and contrast, and no two slices share a position.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import pairwise

import numpy as np

from molre.ct.grouping.member import Member, placed
from molre.ct.grouping.sets import is_complete
from molre.ct.grouping.steps import NEAR_MM, Slices, irregular
from molre.ct.patients import same
from molre.ct.volume import up_normal

_FEWEST = 4  # slices of a series that was put together
_TINY = 2  # slices, of which no series consists


def whole_series(
    series: Sequence[list[Member]],
) -> list[tuple[list[Member], tuple[str, ...]]]:
    """Series of one study, size, orientation and spacing; joined where they are pieces of one."""
    if len(series) < 2:
        return [(members, ()) for members in series]
    found: list[tuple[list[Member], tuple[str, ...]]] = []
    pieces: dict[Hashable, list[list[Member]]] = defaultdict(list)
    for members in series:
        if _is_piece(members):
            pieces[_alike(members[0])].append(members)
        else:
            found.append((members, ()))
    for kind, some in pieces.items():
        if _make_one(some):
            going_on = [
                one for one in found if _alike(one[0][0]) == kind and _goes_on(some, one[0])
            ]
            for one in going_on:
                found.remove(one)
                some.append(one[0])
            note = (
                f"its slices have {len(some)} series UIDs and form an even stack only together: "
                "read as one series"
            )
            found.append(([member for members in some for member in members], (note,)))
        else:
            found += [(members, ()) for members in some]
    return found


def _alike(member: Member) -> Hashable:
    marks, made = member.plane.marks, member.header.acquisition
    return (
        same(made.patient_id or ""),
        (marks.kernel or "").split("\\")[0],
        marks.kvp,
        round(member.plane.thickness or 0.0, 1),
        () if member.header.lossy else marks.image_type,
        made.contrast,
    )


def _slices(members: Sequence[Member]) -> Slices:
    normal = up_normal(members[0].orientation)
    heights = np.array([m.plane.position for m in members], dtype=np.float64) @ normal
    order = np.argsort(heights, kind="stable")
    return placed([members[index] for index in order], heights[order])


def _is_piece(members: list[Member]) -> bool:
    """Whether a series may be one: hardly a slice, gaps, or a thickness that is not stated."""
    if len(members) <= _TINY:
        return True
    slices = _slices(members)
    unknown = not np.isfinite(slices.thickness).any()
    everything = list(range(len(members)))
    return (
        irregular(slices.heights) > 0 or unknown or not is_complete(slices, everything, everything)
    )


def _make_one(pieces: Sequence[list[Member]]) -> bool:
    together = _slices([member for members in pieces for member in members])
    heights = together.heights
    if len(pieces) < 2 or len(heights) < _FEWEST or np.diff(heights).min() <= NEAR_MM:
        return False
    if all(len(members) <= _TINY for members in pieces):
        return True
    alone = [_slices(members).heights for members in pieces]
    cut = sum(irregular(piece) for piece in alone)
    if irregular(heights) > min(cut, len(heights) // 10) or not _lie_in_each_other(alone):
        return False
    everything = list(range(len(heights)))
    return not any(
        is_complete(together, everything, np.searchsorted(heights, piece).tolist())
        for piece in alone
        if irregular(piece) == 0
    )


def _goes_on(pieces: Sequence[list[Member]], series: list[Member]) -> bool:
    """Whether a series begins or ends where pieces that are one do, in their steps."""
    one, other = (_slices([m for ms in each for m in ms]).heights for each in (pieces, [series]))
    together = np.sort(np.concatenate([one, other]))
    apart = one[-1] < other[0] or other[-1] < one[0]
    return apart and irregular(together) <= irregular(one) + irregular(other)


def _lie_in_each_other(pieces: Sequence[np.ndarray]) -> bool:
    """Whether the ranges of two pieces overlap."""
    ranges = sorted((float(heights[0]), float(heights[-1])) for heights in pieces)
    return any(above[0] < below[1] for below, above in pairwise(ranges))
