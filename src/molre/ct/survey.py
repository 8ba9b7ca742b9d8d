"""What a folder holds: studies and their readable series, and for every other file the reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from molre.ct import choice
from molre.ct.dicom.header import Header
from molre.ct.dicom.headers import Headers
from molre.ct.dicom.refusal import refusal
from molre.ct.files.entries import Entries, outer
from molre.ct.grouping.stack import Stack
from molre.ct.listing import Reject, StudyFiles, list_studies
from molre.ct.nifti.hu_map import HuMap
from molre.ct.nifti.nifti import read_nifti_header
from molre.ct.patients import study_uid
from molre.ct.series import grouped
from molre.ct.volume import Acquisition, is_even, tilt_degrees, up_normal
from molre.errors import MolreError, RefusedScan
from molre.paths import Paths


@dataclass(frozen=True)
class Series:
    """One series that can be read, and how good it is.

    Attributes:
        uid: SeriesInstanceUID (the path, for a NIfTI).
        files: entries.
        slices: distinct slice positions.
        score: see ``molre.ct.choice``.
        reasons: the score in words.
        step_mm, pixel_spacing, tilt, even: geometry by the headers, as a ``Volume`` has it (median
            step and spacing between rows in mm, tilt in degrees); None for a NIfTI.
        stack: its headers, so that they need not be read again; None for a NIfTI.
        hu_map: how the values of a NIfTI become HU; None where they are HU.
    """

    uid: str = field(repr=False)
    files: tuple[str, ...]
    slices: int
    acquisition: Acquisition
    score: float
    reasons: tuple[str, ...]
    step_mm: float | None = None
    pixel_spacing: float | None = None
    tilt: float | None = None
    even: bool | None = None
    stack: Stack | None = field(default=None, repr=False, compare=False)
    hu_map: HuMap | None = None


@dataclass(frozen=True)
class Study:
    """One examination of one patient.

    Attributes:
        key: StudyInstanceUID, or ``path:`` and the absolute path where there is none; where
            patients share it, it names one of them too.
        folder: the common folder of its files.
        series: the readable ones, best first.
    """

    key: str = field(repr=False)
    patient_id: str | None = field(repr=False)
    accession: str | None = field(repr=False)
    folder: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Survey:
    """Everything that lies below some paths.

    Attributes:
        studies: with at least one readable series, by key.
        rejects: every other file.
        ignored: README, LICENSE, DICOMDIR and system files beside readable scans.
    """

    studies: tuple[Study, ...]
    rejects: tuple[Reject, ...]
    ignored: tuple[str, ...] = ()


def survey(
    paths: Paths,
    progress: Callable[[Iterable[Any], str], Iterable[Any]] | None = None,
    hu_map: HuMap | None = None,
) -> Survey:
    """Look through files, folders and archives; read headers, no pixels.

    Args:
        paths: one path or several.
        progress: e.g. ``molre.progress.track``; wraps the walk.
        hu_map: how the values of a NIfTI become HU; by default they are HU.

    Raises:
        MolreError: a path does not exist.
    """
    listing = list_studies(paths, progress, headers=True)
    studies, rejects = [], list(listing.rejects)
    for listed in listing.studies:
        study, refused = look(listed, hu_map, listing.headers)
        rejects += refused
        if study:
            studies.append(study)
    return Survey(tuple(studies), tuple(sorted(rejects, key=lambda r: r.file)), listing.ignored)


def look(
    listed: StudyFiles, hu_map: HuMap | None = None, parsed: Mapping[str, Header] | None = None
) -> tuple[Study | None, list[Reject]]:
    """Judge the files of one study by their headers.

    Args:
        listed: the study.
        hu_map: how the values of a NIfTI become HU; by default they are HU.
        parsed: headers that need not be read again, by entry.

    Returns:
        The study with its readable series, None where there is none; and every file that is in
        no series. A file whose header cannot be parsed belongs to no study.
    """
    with Entries() as entries:
        if listed.nifti:
            return _look_at_nifti(listed, entries, hu_map)
        headers, rejects, reader = [], [], Headers()
        for file in listed.files:
            try:
                header = (parsed or {}).get(file) or _header(file, entries, reader)
                header = _of_its_patient(header, listed)
            except RefusedScan as error:
                rejects.append(_unreadable(file, error))
                continue
            refused = refusal(header)
            if refused:
                rejects.append(Reject(file, listed.key, *refused))
            else:
                headers.append(header)
    found = grouped(headers)
    rejects += [Reject(file, listed.key, *refused) for file, refused in found.refused]
    return (_study(listed.key, found.stacks) if found.stacks else None), rejects


def choose(study: Study) -> tuple[Series, str]:
    """The series to read, and why it and not another."""
    best = study.series[0]
    why = ", ".join(best.reasons)
    if len(study.series) == 1:
        return best, f"the only readable series: {why}"
    next_best = study.series[1]
    return best, (
        f"best of {len(study.series)} series ({best.score:g} points: {why}; "
        f"next {next_best.score:g}: {', '.join(next_best.reasons)})"
    )


def _header(file: str, entries: Entries, reader: Headers) -> Header:
    stream, size = entries.open(file)
    with stream:
        return reader.read(stream, file, size)


def _of_its_patient(header: Header, listed: StudyFiles) -> Header:
    """One spelling of the Patient ID, and a UID that is not another patient's.

    A study's files are one patient's (``molre.ct.patients``), whatever they call them; where
    patients share a Study Instance UID, each one's study goes by its key instead.
    """
    made = header.acquisition
    patient = listed.patients[0] if listed.patients else made.patient_id
    shared = study_uid(listed.key) not in (listed.key, None)
    uid = listed.key if shared else made.study_uid
    if (patient, uid) == (made.patient_id, made.study_uid):
        return header
    return replace(header, acquisition=replace(made, patient_id=patient, study_uid=uid))


def _unreadable(file: str, error: RefusedScan) -> Reject:
    return Reject(file, None, error.what, error.fix or "export the file again")


def _look_at_nifti(
    listed: StudyFiles, entries: Entries, hu_map: HuMap | None
) -> tuple[Study | None, list[Reject]]:
    (file,) = listed.files
    try:
        slices = read_nifti_header(file, entries, hu_map)
    except RefusedScan as error:
        return None, [_unreadable(file, error)]
    reasons = (f"NIfTI, {slices} slices",)
    series = Series(file, (file,), slices, Acquisition(), 4.0, reasons, hu_map=hu_map)
    return Study(listed.key, None, None, os.path.dirname(outer(file)), (series,)), []


def _study(key: str, members: list[Stack]) -> Study:
    series = [_series(stack) for stack in members]
    series.sort(key=lambda one: (-one.score, -one.slices, one.uid))  # else as stacks ranks them
    folders = [os.path.dirname(outer(f)) for one in series for f in one.files]
    made = series[0].acquisition
    return Study(key, made.patient_id, made.accession, os.path.commonpath(folders), tuple(series))


def _series(stack: Stack) -> Series:
    points, reasons = choice.score(stack)
    first = stack.members[0]
    made, steps = stack.acquisition, np.diff(stack.distinct)
    spacing, origins = first.plane.spacing, np.stack([m.position for m in stack.members])
    return Series(
        uid=made.series_uid or os.path.dirname(stack.files[0]),
        files=stack.files,
        slices=len(stack.distinct),
        acquisition=made,
        score=points,
        reasons=reasons,
        step_mm=float(np.median(steps)) if steps.size else None,
        pixel_spacing=spacing[0] if spacing else None,
        tilt=tilt_degrees(origins, up_normal(first.orientation)),
        even=is_even(steps),
        stack=stack,
    )


class Unused(Protocol):
    """A file that is not used: a row of rejects.csv, or what becomes one."""

    @property
    def file(self) -> str:
        """Its path."""
        ...

    @property
    def reason(self) -> str:
        """One sentence why."""
        ...

    @property
    def remedy(self) -> str:
        """One what to do about it."""
        ...


def nothing_found(
    refused: Iterable[Unused], where: str, kind: type[MolreError] = MolreError
) -> MolreError:
    """The one sentence for paths without a readable head CT: the most frequent reasons.

    Args:
        refused: all that is there.
        where: the paths.
        kind: of the error.
    """
    unused = list(refused)
    if not unused:
        return MolreError("no files there", where=where, fix="give folders with head CT")
    counts = Counter(one.reason for one in unused)
    first = max(unused, key=lambda one: counts[one.reason])
    if len(unused) == 1:
        return kind(first.reason, where=first.file, fix=first.remedy)
    reasons = [reason for reason, _ in counts.most_common()]
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    what = f"no head CT found in {len(unused)} files: {'; '.join(reasons[:3])}{more}"
    return kind(what, where=where, fix=first.remedy)
