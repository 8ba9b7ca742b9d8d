"""Which slices belong together, and what happens to duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np

from molre.ct.dicom.header import Header
from molre.ct.dicom.refusal import Refusal, frame_refusals
from molre.ct.grouping.fragments import whole_series
from molre.ct.grouping.member import Member, placed
from molre.ct.grouping.mixed_sets import mixed_parts, several_in_one
from molre.ct.grouping.sets import Part, sets
from molre.ct.grouping.stack import Stack
from molre.ct.grouping.steps import NEAR_MM
from molre.ct.grouping.tell_apart import interleaved, telling
from molre.ct.patients import same
from molre.ct.volume import up_normal

SAME_DIRECTION = 0.003  # difference of direction cosines; 0.2 degrees
SAME_SPACING = 0.001  # of itself: the last digit is rounded from slice to slice


@dataclass(frozen=True)
class Grouped:
    """What some files hold.

    Attributes:
        stacks: more slices first.
        refused: files that are in no stack, with the reason and what to do.
    """

    stacks: list[Stack]
    refused: list[tuple[str, Refusal]]


def stacks(headers: Iterable[Header]) -> list[Stack]:
    """The stacks of `grouped`."""
    return grouped(headers).stacks


def grouped(headers: Iterable[Header]) -> Grouped:
    """Group slices by series, size, spacing and orientation, then into sets.

    `molre.ct.grouping.sets` says when slices of one series are several sets,
    `molre.ct.grouping.fragments` when several series are one. Refused are slices of two patients
    under one series UID, and stacks of several sets, as `molre.ct.grouping.mixed_sets` finds them.
    """
    found: list[Stack] = []
    refused: dict[str, Refusal] = {}
    for members, notes in _series(headers):
        if _patients(members) > 1:
            refused |= {member.header.file: _TWO_PATIENTS for member in members}
            continue
        made = _stacks(members)
        torn = mixed_parts(made)
        for stack in made:
            if cause := torn or several_in_one(stack):
                refused |= dict.fromkeys(stack.files, cause)
            else:
                found.append(replace(stack, notes=(*notes, *stack.notes, *_left_out(stack))))
    read = {file for stack in found for file in stack.files}
    return Grouped(
        sorted(found, key=_rank), [(file, why) for file, why in refused.items() if file not in read]
    )


_TWO_PATIENTS = (
    "slices of more than one patient (Patient ID) share one series UID",
    "export each patient's series again, under a UID of its own",
)


def _rank(stack: Stack) -> tuple[int, str, int, str, int, str, tuple[str, ...]]:
    """More slices first; of equals the first by UID, then the first pass, whatever file names."""
    first = stack.members[0]
    number, header = first.plane.acquisition_number, first.header
    return (
        -len(stack.distinct),
        header.acquisition.series_uid or "",
        -1 if number is None else number,
        first.time or "",
        min(member.plane.along.instance or 0 for member in stack.members),
        header.sop_uid or "",
        stack.files,
    )


def _series(headers: Iterable[Header]) -> list[tuple[list[Member], tuple[str, ...]]]:
    """Slices of one series, size, orientation and spacing; and what is to be said of them."""
    pools: dict[tuple[object, ...], list[Member]] = defaultdict(list)
    for header in headers:
        size = (header.acquisition.study_uid, header.rows, header.columns)
        for plane, refused in zip(header.planes, frame_refusals(header), strict=True):
            if not refused:
                pools[size].append(Member(header, plane))
    found = []
    for pool in pools.values():
        for aligned in _by_orientation(pool):
            for alike in _by_spacing(aligned):
                by_uid: dict[str, list[Member]] = defaultdict(list)
                for member in alike:
                    made = member.header.acquisition
                    by_uid[made.series_uid or str(PurePath(member.header.file).parent)].append(
                        member
                    )
                found += whole_series(list(by_uid.values()))
    return found


def _by_orientation(members: Sequence[Member]) -> list[list[Member]]:
    clusters: list[tuple[np.ndarray, list[Member]]] = []
    known: dict[tuple[float, ...] | None, list[Member]] = {}
    for member in members:
        stated = member.plane.orientation
        if stated not in known:
            known[stated] = _nearest(clusters, member.orientation, SAME_DIRECTION)
        known[stated].append(member)
    return [cluster for _, cluster in clusters]


def _by_spacing(members: Sequence[Member]) -> list[list[Member]]:
    clusters: list[tuple[np.ndarray, list[Member]]] = []
    known: dict[tuple[float, ...] | None, list[Member]] = {}
    for member in members:
        stated = member.plane.spacing
        if stated not in known:
            known[stated] = _nearest(clusters, np.log(stated or (1.0, 1.0)), SAME_SPACING)
        known[stated].append(member)
    return [cluster for _, cluster in clusters]


def _nearest(
    clusters: list[tuple[np.ndarray, list[Member]]], of: np.ndarray, within: float
) -> list[Member]:
    """The first cluster whose values are as near as that; a new one where there is none."""
    for values, cluster in clusters:
        if np.abs(values - of).max() < within:
            return cluster
    clusters.append((of, []))
    return clusters[-1][1]


def _patients(members: Sequence[Member]) -> int:
    stated = {same(member.header.acquisition.patient_id or "") for member in members}
    return len(stated - {""})


def _stacks(members: list[Member]) -> list[Stack]:
    """Sets of slices of one series; a copy of a slice stays with it."""
    normal = up_normal(members[0].orientation)
    heights = np.array([member.plane.position for member in members], dtype=np.float64) @ normal
    order = sorted(range(len(members)), key=lambda i: _order(members[i], float(heights[i])))
    members, heights = [members[i] for i in order], heights[order]
    first = _first_of_copies(members, heights)
    alone = [index for index, known in enumerate(first) if index == known]
    slices = [members[index] for index in alone]
    marks = telling(slices)
    parts = sets(placed(slices, heights[alone]), marks)
    copies: dict[int, list[int]] = defaultdict(list)
    for index, known in enumerate(first):
        copies[known].append(index)
    found = []
    for part in parts:
        chosen = sorted(index for one in part.slices for index in copies[alone[one]])
        notes = (*interleaved(marks, part.slices), *_others(part, parts))
        found.append(Stack(tuple(members[index] for index in chosen), notes, part.counted))
    return found


def _first_of_copies(members: Sequence[Member], heights: np.ndarray) -> list[int]:
    """For each slice, ascending, the index of the slice that it is a copy of; else its own.

    A copy has the same SOP UID, kernel and place, or it is lossy and alike otherwise.
    """
    first = list(range(len(members)))
    start = 0
    for index in range(1, len(members) + 1):
        if index < len(members) and heights[index] - heights[index - 1] <= NEAR_MM:
            continue
        known: dict[object, int] = {}
        for here in range(start, index) if index - start > 1 else ():
            member = members[here]
            header, plane = member.header, member.plane
            names: list[object] = (
                [(header.sop_uid, plane.frame, plane.marks.kernel)] if header.sop_uid else []
            )
            alike = (plane.acquisition_number, plane.marks.kernel, plane.thickness, plane.marks.kvp)
            names += [alike] if header.lossy else []
            first[here] = next((known[name] for name in names if name in known), here)
            for name in (*names, alike) if first[here] == here else ():
                known.setdefault(name, here)
        start = index
    return first


def _others(part: Part, parts: Sequence[Part]) -> list[str]:
    if len(parts) == 1:
        return []
    count = sum(len(other.slices) for other in parts) - len(part.slices)
    slices = "slice" if count == 1 else "slices"
    return [
        f"another set in the same range was left out: {count} {slices} under the same series UID, "
        f"told apart by {' and '.join(dict.fromkeys(part.told_by))}"
    ]


def _left_out(stack: Stack) -> list[str]:
    """Of a file of many frames, those that are no slices of a head CT."""
    headers = {member.header.file: member.header for member in stack.members}
    counts = Counter(
        refused[0] for header in headers.values() for refused in frame_refusals(header) if refused
    )
    return [
        f"not used: {count} frame{'s' * (count > 1)}: {reason}" for reason, count in counts.items()
    ]


def _order(member: Member, height: float) -> tuple[float, bool, str, str, int]:
    """Names of files come last, so that a renamed copy of a study gives the same volume."""
    header = member.header
    return (round(height, 3), header.lossy, header.sop_uid or "", header.file,
            member.plane.frame or 0)  # fmt: skip
