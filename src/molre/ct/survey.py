"""What a folder holds: studies and their readable series, and a reason for every other file."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molre.ct import choice
from molre.ct.entries import Entries
from molre.ct.header import Header, read_header
from molre.ct.nifti import read_nifti_header
from molre.ct.refusal import refusal
from molre.ct.series import Stack, stacks
from molre.ct.volume import Acquisition
from molre.ct.walk import Found, walk
from molre.errors import MolreError, RefusedScan

_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory: the DICOMDIR of a CD


@dataclass(frozen=True)
class Series:
    """One series that can be read: what to pass to ``read_series``, and how good it is.

    Attributes:
        uid: SeriesInstanceUID (the path, for a NIfTI).
        files: entries.
        slices: distinct slice positions.
        score: see ``molre.ct.choice``.
        reasons: the score in words.
    """

    uid: str
    files: tuple[str, ...]
    slices: int
    acquisition: Acquisition
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """One examination of one patient.

    Attributes:
        key: StudyInstanceUID, or ``path:`` and the absolute path where there is none.
        folder: the common folder of its files.
        series: the readable ones, best first.
    """

    key: str
    patient_id: str | None
    accession: str | None
    folder: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Reject:
    """A file that is not used: one sentence why, one what to do about it.

    Attributes:
        dicom: it is DICOM or NIfTI that was refused, rather than something else altogether.
    """

    file: str
    study: str | None
    reason: str
    remedy: str
    dicom: bool = True


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
    paths: str | Path | Iterable[str | Path],
    progress: Callable[[Iterable[Any], str], Iterable[Any]] | None = None,
) -> Survey:
    """Look through files, folders and zips; read headers, no pixels.

    Args:
        paths: one path or several.
        progress: e.g. ``molre.progress.track``; wraps the walk.

    Raises:
        MolreError: a path does not exist.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    rooted = [os.path.abspath(os.path.expanduser(path)) for path in given]
    collected = _Collected()
    with Entries() as entries:
        files: Iterable[Found] = walk(rooted, entries)
        for found in progress(files, "reading headers") if progress else files:
            collected.add(found, entries)
    return collected.finish()


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


class _Collected:
    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.niftis: dict[str, Series] = {}
        self.rejects: list[Reject] = []
        self.companions: list[Found] = []

    def add(self, found: Found, entries: Entries) -> None:
        if found.problem:
            self._refuse(found.entry, None, found.problem, dicom=False)
        elif found.companion:
            self.companions.append(found)
        elif found.kind == "dicom":
            self._dicom(found, entries)
        elif found.kind == "nifti":
            self._nifti(found, entries)
        else:
            remedy = "give DICOM files, a folder or zip of them, or a NIfTI in HU"
            reason = f"{found.kind}, not DICOM or NIfTI"
            if found.kind.endswith("picture"):
                reason = f"{found.kind}: it has no Hounsfield units"
            self.rejects.append(Reject(found.entry, None, reason, remedy, dicom=False))

    def _dicom(self, found: Found, entries: Entries) -> None:
        try:
            stream, size = entries.open(found.entry)
            with stream:
                header = read_header(stream, found.entry, size)
        except RefusedScan as error:
            self._refuse(found.entry, None, error)
            return
        if header.sop_class == _DIRECTORY:
            self.companions.append(found)
            return
        refused = refusal(header)
        if refused:
            self.rejects.append(Reject(found.entry, header.acquisition.study_uid, *refused))
        else:
            self.headers.append(header)

    def _nifti(self, found: Found, entries: Entries) -> None:
        try:
            slices = read_nifti_header(found.entry, entries)
        except RefusedScan as error:
            self._refuse(found.entry, None, error)
            return
        self.niftis[found.entry] = Series(
            found.entry, (found.entry,), slices, Acquisition(), 4.0, (f"NIfTI, {slices} slices",)
        )

    def _refuse(
        self, entry: str, study: str | None, error: RefusedScan, dicom: bool = True
    ) -> None:
        fix = error.fix or "export the file again"
        self.rejects.append(Reject(entry, study, error.what, fix, dicom))

    def finish(self) -> Survey:
        grouped: dict[str, list[Stack]] = defaultdict(list)
        for stack in stacks(self.headers):
            made = stack.members[0].header.acquisition
            folder = os.path.dirname(stack.files[0].split("!")[0])
            grouped[made.study_uid or f"path:{folder}"].append(stack)
        studies = [_study(key, members) for key, members in grouped.items()]
        for entry, series in self.niftis.items():
            studies.append(Study(f"path:{entry}", None, None, os.path.dirname(entry), (series,)))
        ignored = tuple(found.entry for found in self.companions)
        if not studies:
            for found in self.companions:
                reason, remedy = (
                    "no scan, but a file that lies beside scans",
                    "give the scan's folder",
                )
                self.rejects.append(Reject(found.entry, None, reason, remedy, dicom=False))
            ignored = ()
        ordered = tuple(sorted(studies, key=lambda study: study.key))
        return Survey(ordered, tuple(sorted(self.rejects, key=lambda r: r.file)), ignored)


def _study(key: str, members: list[Stack]) -> Study:
    series = []
    for stack in members:
        points, reasons = choice.score(stack)
        made = stack.members[0].header.acquisition
        uid = made.series_uid or os.path.dirname(stack.files[0])
        series.append(Series(uid, stack.files, len(stack.distinct), made, points, reasons))
    series.sort(key=lambda one: (-one.score, -one.slices, one.uid, one.files))
    folders = [os.path.dirname(f.split("!")[0]) for one in series for f in one.files]
    made = series[0].acquisition
    return Study(key, made.patient_id, made.accession, os.path.commonpath(folders), tuple(series))


def nothing_found(result: Survey, path: str) -> MolreError:
    """The one sentence for a path without a readable series."""
    if not result.rejects:
        return MolreError("there are no files", where=path, fix="give a folder with a CT series")
    refused = [reject for reject in result.rejects if reject.dicom]
    ranked = refused or list(result.rejects)
    counts = Counter(reject.reason for reject in ranked)
    first = max(ranked, key=lambda reject: counts[reject.reason])
    kind = RefusedScan if refused else MolreError
    if len(result.rejects) == 1:
        return kind(first.reason, where=first.file, fix=first.remedy)
    what = (
        f"none of {len(result.rejects)} files is a slice of a head CT; {first.file}: {first.reason}"
    )
    return kind(what, where=path, fix=first.remedy)
