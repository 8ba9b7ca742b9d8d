"""Every file below the given paths: folders walked, archives opened, content sniffed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from molre.ct.archive import UNPACK, Member
from molre.ct.entries import Entries
from molre.ct.sniff import ARCHIVES, HEAD_BYTES, kind
from molre.errors import MolreError, RefusedScan

_COMPANIONS = (
    "license",
    "licence",
    "readme",
    "copying",
    "notice",
    "version",
    "dicomdir",
    "changelog",
)
_SCAN_NAMES = (".dcm", ".dicom", ".ima", ".nii", ".nii.gz")
_SYSTEM = {
    ".ds_store",
    "thumbs.db",
    "desktop.ini",
    ".gitignore",
    ".gitattributes",
    ".gitkeep",
    "lockfile",
}


@dataclass(frozen=True)
class Found:
    """One file: what it is by content, or why it cannot be looked at.

    Attributes:
        entry: e.g. ``"/a/b.dcm"`` or ``"/a/c.zip!b.dcm"``.
        kind: as ``molre.ct.sniff.kind`` says.
        problem: a refusal, where it could not even be sniffed.
    """

    entry: str
    kind: str
    problem: RefusedScan | None = None

    @property
    def companion(self) -> bool:
        """A README, table, mask, DICOMDIR or system file that lies beside scans and is none.

        A text under a scan's name is no companion: somebody will miss it.
        """
        name = os.path.basename(self.entry.split("!")[-1]).lower()
        if name in _SYSTEM or name.startswith("._") or name == "dicomdir":
            return True
        if self.kind in ("a text file", "a NumPy archive"):
            return not name.endswith(_SCAN_NAMES)
        return self.kind != "dicom" and name.startswith(_COMPANIONS)


def walk(paths: Iterable[str], entries: Entries) -> Iterator[Found]:
    """Yield every file once, in sorted order; links are followed, loops are not.

    Raises:
        MolreError: a path does not exist.
    """
    seen: set[str] = set()
    for path in paths:
        if not os.path.lexists(path):
            raise MolreError("no such file or folder", where=path, fix="check the path")
        if os.path.isdir(path):
            yield from _folder(path, entries, seen)
        else:
            yield from _file(path, entries, seen)


def _folder(path: str, entries: Entries, seen: set[str]) -> Iterator[Found]:
    if not _first_time(path, seen):
        return
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        yield Found(path, "a folder", _unreadable(path, error))
        return
    for name in names:
        inner = os.path.join(path, name)
        if os.path.isdir(inner):
            yield from _folder(inner, entries, seen)
        else:
            yield from _file(inner, entries, seen)


def _file(path: str, entries: Entries, seen: set[str]) -> Iterator[Found]:
    if not _first_time(path, seen):
        return
    try:
        if not os.path.isfile(path):
            raise OSError("not a regular file, or a link that leads nowhere")
        with open(path, "rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        yield Found(path, "unreadable", _unreadable(path, error))
        return
    what = kind(head)
    if what == "zip" and path.lower().endswith(".npz"):
        yield Found(path, "a NumPy archive")
    elif what in ARCHIVES:
        yield from _archive(path, what, entries)
    else:
        yield Found(path, what)


def _archive(path: str, what: str, entries: Entries) -> Iterator[Found]:
    try:
        members = entries.archive(path).members()
    except RefusedScan as error:
        yield Found(path, what, error)
        return
    if not members:
        yield Found(path, "an empty archive")
    for member in members:
        yield _member(f"{path}!{member.name}", path, member, entries)


def _member(entry: str, path: str, member: Member, entries: Entries) -> Found:
    if member.problem:
        return Found(entry, "member", RefusedScan(member.problem, where=entry, fix=UNPACK))
    try:
        what = kind(entries.archive(path).head(member.name, HEAD_BYTES))
    except Exception as error:  # a damaged member: zipfile raises many kinds
        return Found(entry, "member", _unreadable(entry, error))
    return Found(entry, "an archive inside an archive" if what in ARCHIVES else what)


def _first_time(path: str, seen: set[str]) -> bool:
    real = os.path.realpath(path)
    fresh = real not in seen
    seen.add(real)
    return fresh


def _unreadable(path: str, error: Exception) -> RefusedScan:
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return RefusedScan(
        f"it cannot be read ({words[:120]})", where=path, fix="check the file and its permissions"
    )
