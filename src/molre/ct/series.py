"""Which slices belong together, and what happens to those that are there twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from molre.ct.geometry import SAME_POSITION_MM
from molre.ct.header import Header, Plane
from molre.ct.volume import up_normal

SAME_DIRECTION = 0.003  # difference of direction cosines; 0.2 degrees
_NEAR = 2 * SAME_POSITION_MM


@dataclass(frozen=True)
class Member:
    """One slice of a stack: a file and which of its planes."""

    header: Header
    plane: Plane

    @property
    def position(self) -> np.ndarray:
        """mm (L, P, S), (3,)."""
        return np.asarray(self.plane.position, dtype=np.float64)

    @property
    def orientation(self) -> np.ndarray:
        """(2, 3): unit vectors of increasing column and increasing row index."""
        vectors = np.asarray(self.plane.orientation, dtype=np.float64).reshape(2, 3)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@dataclass(frozen=True)
class Stack:
    """Slices of one series, one orientation, one size and one pass over the patient.

    Attributes:
        members: ascending along the slice normal; the same slice may still be there twice.
    """

    members: tuple[Member, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Distinct files, in slice order."""
        return tuple(dict.fromkeys(member.header.file for member in self.members))

    @property
    def heights(self) -> np.ndarray:
        """Distance of each member along the normal, mm (M,), ascending."""
        normal = up_normal(self.members[0].orientation)
        return np.array([member.position @ normal for member in self.members])

    @property
    def distinct(self) -> np.ndarray:
        """Distinct heights, mm (S,): one a slice."""
        heights = self.heights
        return heights[np.concatenate([[True], np.diff(heights) > _NEAR])]

    def slices(self) -> list[list[Member]]:
        """Members of each distinct position, ascending."""
        groups: list[list[Member]] = []
        last = -np.inf
        for member, height in zip(self.members, self.heights, strict=True):
            if height - last > _NEAR:
                groups.append([])
            groups[-1].append(member)
            last = height
        return groups


def stacks(headers: Iterable[Header]) -> list[Stack]:
    """Group slices by series, size, spacing, kernel and orientation, then by pass.

    Acquisition Number and Image Type alone group nothing, as some scanners change them from slice
    to slice. Only where two of them cover the same position are they taken apart.
    """
    groups: dict[tuple[object, ...], list[Member]] = defaultdict(list)
    for header in headers:
        for plane in header.planes:
            groups[_key(header, plane)].append(Member(header, plane))
    found = []
    for members in groups.values():
        for aligned in _by_orientation(members):
            found += [Stack(tuple(part)) for part in _by_pass(aligned)]
    return sorted(found, key=_rank)


def _rank(stack: Stack) -> tuple[int, str, int, str, tuple[str, ...]]:
    """More slices first; of equals the first by UID, then the first pass, whatever file names."""
    first = stack.members[0]
    number, header = first.plane.acquisition_number, first.header
    return (
        -len(stack.distinct),
        header.acquisition.series_uid or "",
        -1 if number is None else number,
        header.sop_uid or "",
        stack.files,
    )


def _key(header: Header, plane: Plane) -> tuple[object, ...]:
    acquisition = header.acquisition
    series = acquisition.series_uid or str(PurePath(header.file).parent)
    spacing = tuple(round(s, 3) for s in plane.spacing or ())
    study = acquisition.study_uid
    return (study, series, header.rows, header.columns, spacing, acquisition.kernel)


def _by_orientation(members: Sequence[Member]) -> list[list[Member]]:
    clusters: list[list[Member]] = []
    for member in members:
        for cluster in clusters:
            if np.abs(cluster[0].orientation - member.orientation).max() < SAME_DIRECTION:
                cluster.append(member)
                break
        else:
            clusters.append([member])
    return clusters


def _by_pass(members: Sequence[Member]) -> list[list[Member]]:
    """Pack acquisitions, in order, into the first pass that does not cover their positions."""
    normal = up_normal(members[0].orientation)
    kinds = _kinds(members)
    acquisitions: dict[tuple[int, int], list[Member]] = defaultdict(list)
    for member, kind in zip(members, kinds, strict=True):
        number = member.plane.acquisition_number
        acquisitions[-1 if number is None else number, kind].append(member)
    passes: list[tuple[list[Member], list[float], set[tuple[str, int | None]]]] = []
    for _, group in sorted(acquisitions.items()):
        heights = [float(member.position @ normal) for member in group]
        for known in passes:
            taken, covered, names = known
            fresh = [h for h, m in zip(heights, group, strict=True) if _name(m) not in names]
            if not _overlap(fresh, covered):
                break
        else:
            taken, covered, names = [], [], set()
            passes.append((taken, covered, names))
        taken += group
        covered += heights
        names |= {_name(member) for member in group if member.header.sop_uid}
    return [sorted(taken, key=lambda m: _order(m, normal)) for taken, _, _ in passes]


def _name(member: Member) -> tuple[str, int | None]:
    """What a copy of a slice has in common with it: SOP UID and frame."""
    return member.header.sop_uid or "", member.plane.frame


def _kinds(members: Sequence[Member]) -> list[int]:
    """Which Image Type each slice has: 0 the original, or the one that most have.

    A lossy copy is often called DERIVED, and must stay with the slice that it is a copy of.
    """
    types = [None if m.header.lossy else m.header.image_type for m in members]
    counts = Counter(one for one in types if one is not None)
    ranked = sorted(counts, key=lambda one: ("DERIVED" in one, -counts[one], one))
    return [0 if one is None else ranked.index(one) for one in types]


def _overlap(heights: Sequence[float], covered: Sequence[float]) -> bool:
    if not heights or not covered:
        return False
    taken = np.sort(np.array(covered))
    where = np.searchsorted(taken, heights)
    below = np.abs(taken[np.maximum(where - 1, 0)] - heights)
    above = np.abs(taken[np.minimum(where, len(taken) - 1)] - heights)
    return bool(np.minimum(below, above).min() <= _NEAR)


def _order(member: Member, normal: np.ndarray) -> tuple[float, bool, str, str, int]:
    """Names of files come last, so that a renamed copy of a study gives the same volume."""
    header = member.header
    height = round(float(member.position @ normal), 3)
    return (height, header.lossy, header.sop_uid or "", header.file, member.plane.frame or 0)
