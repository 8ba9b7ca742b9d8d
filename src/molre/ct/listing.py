"""Which files belong to which study: the first, quick look at a folder, before any is judged.

Only as much of a header is parsed as holds the study's UID, and only names are kept, so that a
million files can be listed; ``molre.ct.survey.look`` judges one study at a time. For a few studies
whole headers are parsed and kept, so that none is parsed twice.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from molre.ct.dicom.acquisition import SYNTHETIC_MANUFACTURER
from molre.ct.dicom.elements import plain_text, text
from molre.ct.dicom.header import HEAD_BYTES as HEADER_BYTES
from molre.ct.dicom.header import Header, parse
from molre.ct.dicom.header_layout import STUDY_UID, layout, value_of
from molre.ct.dicom.headers import Headers
from molre.ct.dicom.syntax import DEFLATED
from molre.ct.files.archive import UNPACK
from molre.ct.files.compact_paths import Names
from molre.ct.files.entries import Entries, outer
from molre.ct.files.walk import CLOSED, OURS, FoundFile, walk
from molre.ct.patients import Parts, stated_uid
from molre.ct.persons import person
from molre.errors import RefusedScan
from molre.paths import Paths, as_paths

_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory: the DICOMDIR of a CD
_SERIES_UID = Tag("SeriesInstanceUID")  # the last of them
_NAMED = {
    "StudyInstanceUID": "UI",
    "SOPClassUID": "UI",
    "Manufacturer": "LO",
    "PatientID": "LO",
    "SeriesInstanceUID": "UI",
    "PatientName": "PN",
    "PatientBirthDate": "DA",
    "PatientSex": "CS",
}
_TAGS: dict[str, BaseTag] = {keyword: Tag(keyword) for keyword in _NAMED}
_PLAIN = dict.fromkeys(map(int, _TAGS.values()))
_LAST = int(_SERIES_UID)  # a pydicom tag compares slowly
_EMPTY = 8  # bytes of an element without a value: its tag, VR and length
_BESIDE = "not a scan, but a file beside scans"
_HEAD_BYTES = 1 << 13  # the study's UID lies near the start


@dataclass(frozen=True)
class Reject:
    """A file that is not used: one sentence why, one what to do about it.

    Attributes:
        study: StudyInstanceUID or ``path:`` key; None where the file belongs to none.
        dicom: it is DICOM or NIfTI that was refused, rather than something else altogether.
        closed: nobody could look inside, so that there may be scans in it.
        sealed: likewise, and it is a whole archive or folder.
    """

    file: str
    study: str | None = field(repr=False)
    reason: str
    remedy: str
    dicom: bool = True
    closed: bool = False
    sealed: bool = False


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study, in the order they were found; not judged yet.

    Attributes:
        key: StudyInstanceUID; where there is none, ``path:`` and the folder, on disk or in an
            archive, or the NIfTI file. Where patients share it, it names one of them too.
        names: of the files.
        nifti: it is one NIfTI.
        synthetic: written by ``molre phantom``.
        patients: its Patient ID, in each spelling that is there, the shortest first.
    """

    key: str = field(repr=False)
    names: Names
    nifti: bool = False
    synthetic: bool = False
    patients: tuple[str, ...] = field(default=(), repr=False)

    @property
    def files(self) -> tuple[str, ...]:
        """Entries."""
        return tuple(self.names)

    @property
    def folder(self) -> str:
        """The common folder of the files on disk."""
        return os.path.commonpath([os.path.dirname(outer(f)) for f in self.files])


@dataclass(frozen=True)
class Listing:
    """Everything that lies below some paths.

    Attributes:
        paths: as given, absolute.
        studies: by key.
        rejects: files that are no scan, or could not be looked at.
        ignored: README, LICENSE, DICOMDIR and system files beside scans, and folders that molre
            wrote itself.
        headers: of the DICOM files, by entry, where they were asked for.
    """

    paths: tuple[str, ...]
    studies: tuple[StudyFiles, ...]
    rejects: tuple[Reject, ...]
    ignored: tuple[str, ...] = ()
    headers: dict[str, Header] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The first few paths, for a sentence."""
        return ", ".join(self.paths[:3]) + (" ..." if len(self.paths) > 3 else "")


def list_studies(
    paths: Paths,
    progress: Callable[[Iterable[Any], str], Iterable[Any]] | None = None,
    *,
    headers: bool = False,
) -> Listing:
    """Walk folders, files and archives, and group what is DICOM by study.

    Args:
        paths: one path or several.
        progress: e.g. ``molre.progress.track``; wraps the walk.
        headers: parse and keep them whole.

    Raises:
        MolreError: a path does not exist, or is empty.
    """
    rooted = [os.path.abspath(os.path.expanduser(path)) for path in as_paths(paths)]
    collected = _Collected(headers)
    with Entries() as entries:
        files: Iterable[FoundFile] = walk(rooted, entries, HEADER_BYTES if headers else _HEAD_BYTES)
        for found in progress(files, "listing files") if progress else files:
            collected.add(found, entries)
    return collected.finish(tuple(rooted))


class _Collected:
    def __init__(self, whole: bool) -> None:
        self.whole, self.headers, self.reader = whole, dict[str, Header](), Headers()
        self.parts = Parts()
        self.niftis: set[str] = set()
        self.rejects: list[Reject] = []
        self.companions: list[str] = []
        self.ours: set[str] = set()

    def add(self, found: FoundFile, entries: Entries) -> None:
        if found.problem:
            self._refuse(found, found.problem, dicom=False)
        elif found.companion:
            self.companions.append(found.entry)
            self.ours |= {found.entry} if found.kind == OURS else set()
        elif found.kind == "dicom":
            self._dicom(found, entries)
        elif found.kind == "nifti":
            self.parts.add(f"path:{found.entry}", found.entry, None, None, False)
            self.niftis.add(f"path:{found.entry}")
        else:
            self._refuse(found, _no_scan(found.kind), dicom=False)

    def _dicom(self, found: FoundFile, entries: Entries) -> None:
        entry = found.entry
        try:
            if self.whole:
                header = self.headers[entry] = self._header(found, entries)
                made = header.acquisition
                study, sop_class, maker = made.study_uid, header.sop_class, made.manufacturer
                patient, series, who = made.patient_id, made.series_uid, made.who
            else:
                known = _plainly(found.head) or _identify(entry, entries)
                study, sop_class, maker, patient, series, *named = known
                study, series, who = stated_uid(study), stated_uid(series), person(*named)
        except RefusedScan as error:
            self._refuse(found, error)
            return
        if sop_class == _DIRECTORY:
            self.companions.append(entry)
            return
        synthetic = (maker or "").lower().startswith(SYNTHETIC_MANUFACTURER)
        self.parts.add(study or f"path:{found.folder}", entry, patient, series, synthetic, who)

    def _header(self, found: FoundFile, entries: Entries) -> Header:
        known = self.reader.known(found.head, found.entry, found.size)
        if known:
            return known
        stream, size = entries.open(found.entry)
        with stream:
            return self.reader.read(stream, found.entry, size)

    def _refuse(self, found: FoundFile, error: RefusedScan, dicom: bool = True) -> None:
        fix = error.fix or "export the file again"
        sealed = found.closed, found.sealed
        self.rejects.append(Reject(found.entry, None, error.what, fix, dicom, *sealed))

    def _alone(self, file: str) -> Reject:
        """A companion where there is no scan."""
        beside = f"{OURS}, which holds no scans" if file in self.ours else _BESIDE
        return Reject(file, None, beside, "give the scan's folder", dicom=False)

    def finish(self, paths: tuple[str, ...]) -> Listing:
        ignored = tuple(self.companions)
        if not len(self.parts):
            self.rejects += [self._alone(file) for file in ignored]
            ignored = ()
        studies = [
            StudyFiles(key, part.files, key in self.niftis, part.synthetic, part.spellings)
            for key, part in self.parts.studies()
        ]
        self.rejects += [Reject(file, key, *why) for file, key, why in self.parts.refused()]
        rejects = tuple(sorted(self.rejects, key=lambda r: r.file))
        ordered = tuple(sorted(studies, key=lambda listed: listed.key))
        return Listing(paths, ordered, rejects, ignored, self.headers)


def _no_scan(kind: str) -> RefusedScan:
    remedy = "give DICOM files, a folder, zip or tar of them, or a NIfTI in HU"
    if kind.endswith("image"):
        return RefusedScan(f"{kind}: it has no Hounsfield units", fix=remedy)
    said = kind if kind.startswith("neither") else f"{kind}, not DICOM or NIfTI"
    return RefusedScan(said, fix=UNPACK if kind in CLOSED else remedy)


def _plainly(head: bytes) -> tuple[str | None, ...] | None:
    """As `_identify`, where the first bytes of a file are plain; else None."""
    found = layout(head, _PLAIN, last=_LAST)
    if found is None or STUDY_UID not in found.elements:
        return None
    return _words(found.implicit, tuple(map(found.elements.get, _PLAIN)))


@lru_cache(maxsize=256)
def _words(implicit: bool, elements: tuple[bytes | None, ...]) -> tuple[str | None, ...] | None:
    """These elements as text, alike for all files of a series."""
    known: list[str | None] = []
    for vr, element in zip(_NAMED.values(), elements, strict=True):
        raw = value_of(element, vr.encode(), implicit) if element else b""
        words = (_name(raw) if vr == "PN" else plain_text(vr, raw)) if element else ""
        if element and len(element) > _EMPTY and not words:  # of another VR, or not plain
            return None
        known.append(words or None)
    return tuple(known) if known[0] else None


def _name(raw: bytes) -> str:
    """As much of a name as `person` takes, which is ASCII; a space says that there is one."""
    return (raw.decode("ascii", errors="replace").strip(" \0") or " ") if raw else ""


def _identify(entry: str, entries: Entries) -> tuple[str | None, ...]:
    """Study UID, SOP class, manufacturer, Patient ID, series UID; None where it is not there.

    Raises:
        RefusedScan: it cannot be opened, or be parsed as DICOM.
    """
    stream, _ = entries.open(entry)
    with stream, warnings.catch_warnings():  # pydicom's quote the header
        warnings.simplefilter("ignore")
        known = _parse(stream, entry)
        return tuple(text(known, keyword) for keyword in _NAMED)


def _parse(stream: BinaryIO, entry: str) -> Dataset:
    head, tags = stream.read(_HEAD_BYTES), list(_TAGS.values())
    if DEFLATED.encode() not in head:
        with contextlib.suppress(Exception):  # the head may end within an element
            known = read_partial(io.BytesIO(head), _is_past, force=True, specific_tags=[*tags])
            if _TAGS["StudyInstanceUID"] in known and _SERIES_UID in known:
                return known
    stream.seek(0)
    return parse(stream, entry, stop_before_pixels=True, tags=tags)


def _is_past(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag > _SERIES_UID
