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
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from molre.ct.acquisition import SYNTHETIC_MANUFACTURER
from molre.ct.elements import plain_text, text
from molre.ct.entries import Entries
from molre.ct.header import HEAD_BYTES as HEADER_BYTES
from molre.ct.header import Header, parse
from molre.ct.headers import Headers
from molre.ct.layout import STUDY_UID, layout
from molre.ct.names import Names
from molre.ct.syntax import DEFLATED
from molre.ct.walk import Found, walk
from molre.errors import RefusedScan

_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory: the DICOMDIR of a CD
_STUDY_UID = Tag(STUDY_UID)
_TAGS: list[BaseTag | int] = [Tag("SOPClassUID"), Tag("Manufacturer"), _STUDY_UID]
_PLAIN = ((STUDY_UID, "UI"), (int(_TAGS[0]), "UI"), (int(_TAGS[1]), "LO"))
_NAMED = frozenset(tag for tag, _ in _PLAIN)
_HEAD_BYTES = 1 << 13  # the study's UID lies near the start


@dataclass(frozen=True)
class Reject:
    """A file that is not used: one sentence why, one what to do about it.

    Attributes:
        study: StudyInstanceUID or ``path:`` key; None where the file belongs to none.
        dicom: it is DICOM or NIfTI that was refused, rather than something else altogether.
    """

    file: str
    study: str | None
    reason: str
    remedy: str
    dicom: bool = True


@dataclass(frozen=True)
class Listed:
    """The files of one study, in the order they were found; not judged yet.

    Attributes:
        key: StudyInstanceUID; where there is none, ``path:`` and the folder, or the NIfTI file.
        names: of the files.
        nifti: it is one NIfTI.
        synthetic: written by ``molre phantom``.
    """

    key: str
    names: Names
    nifti: bool = False
    synthetic: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """Entries."""
        return tuple(self.names)

    @property
    def folder(self) -> str:
        """The common folder of the files on disk."""
        return os.path.commonpath([os.path.dirname(f.split("!")[0]) for f in self.files])


@dataclass(frozen=True)
class Listing:
    """Everything that lies below some paths.

    Attributes:
        paths: as given, absolute.
        studies: by key.
        rejects: files that are no scan, or could not be looked at.
        ignored: README, LICENSE, DICOMDIR and system files beside scans.
        headers: of the DICOM files, by entry, where they were asked for.
    """

    paths: tuple[str, ...]
    studies: tuple[Listed, ...]
    rejects: tuple[Reject, ...]
    ignored: tuple[str, ...] = ()
    headers: dict[str, Header] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The first few paths, for a sentence."""
        return ", ".join(self.paths[:3]) + (" ..." if len(self.paths) > 3 else "")


def list_studies(
    paths: str | Path | Iterable[str | Path],
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
        MolreError: a path does not exist.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    rooted = [os.path.abspath(os.path.expanduser(path)) for path in given]
    collected = _Collected(headers)
    with Entries() as entries:
        files: Iterable[Found] = walk(rooted, entries, HEADER_BYTES if headers else _HEAD_BYTES)
        for found in progress(files, "listing files") if progress else files:
            collected.add(found, entries)
    return collected.finish(tuple(rooted))


class _Collected:
    def __init__(self, whole: bool) -> None:
        self.whole, self.headers, self.reader = whole, dict[str, Header](), Headers()
        self.files: dict[str, Names] = {}
        self.niftis: set[str] = set()
        self.synthetic: set[str] = set()
        self.rejects: list[Reject] = []
        self.companions: list[str] = []

    def add(self, found: Found, entries: Entries) -> None:
        if found.problem:
            self._refuse(found.entry, found.problem, dicom=False)
        elif found.companion:
            self.companions.append(found.entry)
        elif found.kind == "dicom":
            self._dicom(found, entries)
        elif found.kind == "nifti":
            self._put(f"path:{found.entry}", found.entry)
            self.niftis.add(f"path:{found.entry}")
        else:
            remedy = "give DICOM files, a folder, zip or tar of them, or a NIfTI in HU"
            known = found.kind.startswith("neither")
            reason = found.kind if known else f"{found.kind}, not DICOM or NIfTI"
            if found.kind.endswith("picture"):
                reason = f"{found.kind}: it has no Hounsfield units"
            self.rejects.append(Reject(found.entry, None, reason, remedy, dicom=False))

    def _dicom(self, found: Found, entries: Entries) -> None:
        entry = found.entry
        try:
            if self.whole:
                header = self.headers[entry] = self._header(found, entries)
                made = header.acquisition
                study, sop_class, maker = made.study_uid, header.sop_class, made.manufacturer
            else:
                study, sop_class, maker = _plainly(found.head) or _identify(entry, entries)
        except RefusedScan as error:
            self._refuse(entry, error)
            return
        if sop_class == _DIRECTORY:
            self.companions.append(entry)
            return
        key = study or f"path:{os.path.dirname(entry.split('!')[0])}"
        self._put(key, entry)
        if (maker or "").lower().startswith(SYNTHETIC_MANUFACTURER):
            self.synthetic.add(key)

    def _put(self, key: str, entry: str) -> None:
        if key not in self.files:
            self.files[key] = Names()
        self.files[key].add(entry)

    def _header(self, found: Found, entries: Entries) -> Header:
        known = self.reader.known(found.head, found.entry, found.size)
        if known:
            return known
        stream, size = entries.open(found.entry)
        with stream:
            return self.reader.read(stream, found.entry, size)

    def _refuse(self, entry: str, error: RefusedScan, dicom: bool = True) -> None:
        fix = error.fix or "export the file again"
        self.rejects.append(Reject(entry, None, error.what, fix, dicom))

    def finish(self, paths: tuple[str, ...]) -> Listing:
        ignored = tuple(self.companions)
        if not self.files:
            reason, remedy = "no scan, but a file that lies beside scans", "give the scan's folder"
            self.rejects += [Reject(file, None, reason, remedy, dicom=False) for file in ignored]
            ignored = ()
        studies = (
            Listed(key, self.files[key], key in self.niftis, key in self.synthetic)
            for key in sorted(self.files)
        )
        rejects = tuple(sorted(self.rejects, key=lambda r: r.file))
        return Listing(paths, tuple(studies), rejects, ignored, self.headers)


def _plainly(head: bytes) -> tuple[str | None, ...] | None:
    """As `_identify`, where the first bytes of a file are plain; else None."""
    found = layout(head, _NAMED, last=STUDY_UID)
    if found is None or STUDY_UID not in found.elements:
        return None
    known: list[str | None] = []
    for tag, vr in _PLAIN:
        there = tag in found.elements
        words = plain_text(vr, found.value(tag, vr.encode())) if there else ""
        if there and not words:  # empty, of another VR, or not plain
            return None
        known.append(words or None)
    return tuple(known)


def _identify(entry: str, entries: Entries) -> tuple[str | None, ...]:
    """Study UID, SOP class and manufacturer, each None where it is not there.

    Raises:
        RefusedScan: it cannot be opened, or be parsed as DICOM.
    """
    stream, _ = entries.open(entry)
    with stream, warnings.catch_warnings():  # pydicom's quote the header
        warnings.simplefilter("ignore")
        known = _parse(stream, entry)
        return tuple(
            text(known, name) for name in ("StudyInstanceUID", "SOPClassUID", "Manufacturer")
        )


def _parse(stream: BinaryIO, entry: str) -> Dataset:
    head = stream.read(_HEAD_BYTES)
    if DEFLATED.encode() not in head:
        with contextlib.suppress(Exception):  # the head may end within an element
            known = read_partial(io.BytesIO(head), _is_past, force=True, specific_tags=_TAGS)
            if _STUDY_UID in known:
                return known
    stream.seek(0)
    return parse(stream, entry, stop_before_pixels=True, tags=[Tag(tag) for tag in _TAGS])


def _is_past(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag > _STUDY_UID
