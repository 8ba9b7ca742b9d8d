"""When several series of a study are pieces of one: some exports give each slice a UID of its own.

Series stay apart, as their UIDs say, but for pieces that make no sense alone and an even stack
together: a single slice or two, or slices with gaps that the others fill. They must agree in
patient, kernel, kV, thickness, image type and contrast, and no two slices share a position.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import pairwise

import numpy as np

from molre.ct.member import Member
from molre.ct.sets import NEAR_MM, Slices, irregular, is_complete
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
    for some in pieces.values():
        if _make_one(some):
            note = (
                f"its slices have {len(some)} series UIDs and make an even stack only together: "
                "read as one series"
            )
            found.append(([member for members in some for member in members], (note,)))
        else:
            found += [(members, ()) for members in some]
    return found


def _alike(member: Member) -> Hashable:
    marks, made = member.plane.marks, member.header.acquisition
    return (
        (made.patient_id or "").casefold(),
        (marks.kernel or "").split("\\")[0],
        marks.kvp,
        round(member.plane.thickness or 0.0, 1),
        () if member.header.lossy else marks.image_type,
        made.contrast,
    )


def _heights(members: Sequence[Member]) -> np.ndarray:
    normal = up_normal(members[0].orientation)
    places = np.array([member.plane.position for member in members], dtype=np.float64)
    return np.sort(places @ normal)


def _is_piece(members: list[Member]) -> bool:
    """Whether a series has hardly a slice, or gaps."""
    if len(members) <= _TINY:
        return True
    heights = _heights(members)
    thickness = np.array([m.plane.thickness or np.nan for m in members], dtype=np.float64)
    slices = Slices(heights, thickness, np.zeros(len(heights)))
    return irregular(heights) > 0 or not is_complete(slices, [], list(range(len(heights))))


def _make_one(pieces: Sequence[list[Member]]) -> bool:
    heights = _heights([member for members in pieces for member in members])
    if len(pieces) < 2 or len(heights) < _FEWEST or np.diff(heights).min() <= NEAR_MM:
        return False
    if all(len(members) <= _TINY for members in pieces):
        return True
    alone = sum(irregular(_heights(members)) for members in pieces)
    together = irregular(heights)
    return together <= min(alone, len(heights) // 10) and _lie_in_each_other(pieces)


def _lie_in_each_other(pieces: Sequence[list[Member]]) -> bool:
    """Whether the ranges of two pieces overlap."""
    ranges = sorted((float(h[0]), float(h[-1])) for h in map(_heights, pieces))
    return any(above[0] < below[1] for below, above in pairwise(ranges))
