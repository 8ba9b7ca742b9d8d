"""The elements that can tell sets of slices apart, one mark each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise

from molre.ct.grouping.member import Member
from molre.ct.grouping.sets import Mark
from molre.ct.volume import Acquisition

_Of = Callable[[Member], Hashable]

# of an element that may change along a scan
_ALONG: tuple[tuple[str, _Of], ...] = (
    ("acquisition UID", lambda m: m.plane.along.event),
    ("rescale", lambda m: (str(m.plane.slope), str(m.plane.intercept))),
    ("exposure", lambda m: m.plane.along.exposure),
    ("place of the image across", lambda m: round((m.plane.position or (0.0,))[0])),
)
_CERTAIN: tuple[tuple[str, _Of], ...] = (
    ("contrast agent", lambda m: m.contrast is True),  # NONE and empty are one
    ("temporal position", lambda m: m.plane.marks.phase),
)
_OTHER: tuple[tuple[str, _Of], ...] = (
    ("kV", lambda m: None if m.plane.marks.kvp is None else round(m.plane.marks.kvp)),
    ("kernel", lambda m: m.plane.marks.kernel),
    ("slice thickness", lambda m: _rounded(m.plane.thickness)),
    ("frame of reference", lambda m: m.plane.marks.reference),
    ("stack or anatomy", lambda m: m.plane.marks.stack),
    ("description", lambda m: (m.plane.marks.description, _made(m).body_part)),
    ("lossy compression", lambda m: m.header.lossy),
    ("scanner", lambda m: (_made(m).manufacturer, _made(m).model)),
    ("accession number or study date", lambda m: (_made(m).accession, _made(m).study_date)),
    ("age or sex of the patient", lambda m: (_made(m).age, _made(m).sex)),
    ("filter", lambda m: m.plane.marks.filters),
    ("reconstruction diameter", lambda m: m.plane.marks.diameter),
)
_NOTED = {"image type", "kV", "contrast agent", "kernel", "slice thickness", "description"}


def telling(members: Sequence[Member]) -> list[Mark]:
    """Marks of slices of one series, ascending, that differ between them."""
    numbers = tuple(member.plane.acquisition_number for member in members)
    marks = [Mark("acquisition number", numbers, ordered=True)]
    if len({_shared(member) for member in members}) > 1:
        marks.append(Mark("image type", _types(members)))
        marks += [_mark(members, *one, certain=True) for one in _CERTAIN]
        marks += [_mark(members, *one) for one in _OTHER]
    marks += [_mark(members, *one) for one in _ALONG]
    marks.append(Mark("acquisition time", tuple(member.time for member in members), ordered=True))
    instances = tuple(member.plane.along.instance for member in members)
    marks.append(Mark("instance number", instances, ordered=True, counts=True))
    marks.append(Mark("instance number", _twins(instances), counts=True))
    return [mark for mark in marks if len(set(mark.values)) > 1]


def interleaved(marks: Sequence[Mark], part: Sequence[int]) -> list[str]:
    """A note for each element that changes to and fro within a set."""
    notes = []
    for mark in marks:
        values = [mark.values[index] for index in part]
        changes = sum(one != other for one, other in pairwise(values))
        if mark.name in _NOTED and changes > len(set(values)) - 1:
            notes.append(
                f"slices that differ in their {mark.name} interleave and form an even stack only "
                "together: read as one"
            )
    return notes


def _made(member: Member) -> Acquisition:
    return member.header.acquisition


def _shared(member: Member) -> Hashable:
    """What slices of one series have in common, by identity, as it is parsed once."""
    plane, header = member.plane, member.header
    return id(plane.marks), id(header.acquisition), header.lossy, plane.thickness


def _mark(members: Sequence[Member], name: str, of: _Of, *, certain: bool = False) -> Mark:
    return Mark(name, tuple(of(member) for member in members), certain=certain)


def _types(members: Sequence[Member]) -> tuple[int, ...]:
    """Which Image Type each slice has: 0 the original, or the one that most have.

    A lossy copy is often called DERIVED, and must stay with the slice that it is a copy of.
    """
    types = [None if m.header.lossy else m.plane.marks.image_type for m in members]
    counts = Counter(one for one in types if one is not None)
    ranked = sorted(counts, key=lambda one: ("DERIVED" in one, -counts[one], one))
    return tuple(0 if one is None else ranked.index(one) for one in types)


def _rounded(thickness: float | None) -> float | None:
    """To 2 percent."""
    return None if not thickness or thickness < 0 else round(50 * math.log(thickness))


def _twins(instances: Sequence[int | None]) -> tuple[int, ...]:
    """Where instance numbers are there several times, which of them from below a slice is."""
    counts: Counter[int | None] = Counter()
    found = []
    for instance in instances:
        found.append(0 if instance is None else counts[instance])
        counts[instance] += 1
    return tuple(found)
