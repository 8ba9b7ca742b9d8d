"""A stack: slices of one series, one orientation, one size and one pass over the patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from molre.ct.grouping.member import Member, placed
from molre.ct.grouping.steps import NEAR_MM, Slices
from molre.ct.volume import Acquisition, up_normal

_T = TypeVar("_T")


@dataclass(frozen=True)
class Stack:
    """Slices of one series, one orientation, one size and one pass over the patient.

    Attributes:
        members: ascending along the slice normal; the same slice may still be there twice.
        notes: what was joined, and what lies in the same range and was left out.
        counted: names of the numbers or times that told it from other sets of its series.
    """

    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Distinct files, in slice order."""
        return tuple(dict.fromkeys(member.header.file for member in self.members))

    @cached_property
    def heights(self) -> np.ndarray:
        """Distance of each member along the normal, mm (M,), ascending."""
        normal = up_normal(self.members[0].orientation)
        return np.array([member.position @ normal for member in self.members])

    @cached_property
    def distinct(self) -> np.ndarray:
        """Distinct heights, mm (S,): one a slice."""
        heights = self.heights
        return heights[np.concatenate([[True], np.diff(heights) > NEAR_MM])]

    @cached_property
    def acquisition(self) -> Acquisition:
        """That of the lowest slice; kernel and kV are what most slices state, contrast any."""
        first = self.members[0]
        made = first.header.acquisition
        marks = [member.plane.marks for member in self.members]
        given = {member.contrast for member in self.members}
        return replace(
            made,
            kernel=_usual(one.kernel for one in marks),
            kvp=_usual(one.kvp for one in marks) if marks[0].kvp is None else marks[0].kvp,
            slice_thickness=first.plane.thickness,
            contrast=True if True in given else first.contrast,
        )

    @property
    def is_derived(self) -> bool:
        """Whether most slices say so in their Image Type."""
        derived = sum("DERIVED" in member.plane.marks.image_type for member in self.members)
        return 2 * derived > len(self.members)

    @cached_property
    def placed(self) -> Slices:
        """Place, thickness and number of each slice."""
        return placed([group[0] for group in self.slices()], self.distinct)

    def slices(self) -> list[list[Member]]:
        """Members of each distinct position, ascending."""
        groups: list[list[Member]] = []
        last = -np.inf
        for member, height in zip(self.members, self.heights.tolist(), strict=True):
            if height - last > NEAR_MM:
                groups.append([])
            groups[-1].append(member)
            last = height
        return groups


def _usual(values: Iterable[_T | None]) -> _T | None:
    """What most say, of those that say anything."""
    counts = Counter(value for value in values if value is not None)
    return counts.most_common(1)[0][0] if counts else None
