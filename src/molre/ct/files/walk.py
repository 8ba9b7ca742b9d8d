"""Every file below the given paths: folders walked, archives opened, content sniffed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from molre.ct.files.archive import HARMLESS, UNPACK, Member
from molre.ct.files.entries import Entries
from molre.ct.files.sniff import (
    ARCHIVES,
    GZIPPED_DICOM,
    HEAD_BYTES,
    NUMPY,
    OFFICE,
    PACKED,
    kind,
    zip_kind,
)
from molre.ct.files.tar_archive import is_packed_tar
from molre.errors import MolreError, RefusedScan, raise_of_machine

NESTED = "an archive inside an archive"
OURS = "a cohort that molre wrote"
CLOSED = frozenset({NESTED, GZIPPED_DICOM, "a 7-Zip archive", "a RAR archive", *PACKED})
_SPECIAL = "a special file"
_FOLDER = "a folder"
_SEALED = frozenset({_FOLDER, *ARCHIVES, "a 7-Zip archive", "a RAR archive"})
_BESIDE = frozenset(
    {"a text file", NUMPY, OFFICE, OURS, "a Parquet table", "a file of weights", "a cached volume"}
    | {"an AppleDouble file", "a folder's settings"}
)  # no scan by their content
_NAMED_BESIDE = {
    "license", "licence", "readme", "copying", "notice", "version", "changelog", "dicomdir",
    "thumbs", "desktop", "lockfile", "ds_store",
}  # fmt: skip
_SCAN_NAMES = (".dcm", ".dicom", ".ima", ".nii", ".nii.gz")
_UNFINISHED = {"salt", "state", "lock"}  # of a cohort whose first ingest was interrupted


@dataclass(frozen=True)
class FoundFile:
    """One file: what it is by content, or why it cannot be looked at.

    Attributes:
        entry: e.g. ``"/a/b.dcm"`` or ``"/a/c.zip!b.dcm"``.
        kind: as ``molre.ct.files.sniff.kind`` says.
        problem: a refusal, where it could not even be sniffed.
        head: the first bytes of a file on disk; none of a member of an archive.
        size: bytes of a file on disk.
        archive: the file on disk that it is a member of.
        closed: nobody could look inside, so that there may be scans in it.
    """

    entry: str
    kind: str
    problem: RefusedScan | None = None
    head: bytes = field(default=b"", repr=False)
    size: int = 0
    archive: str | None = None
    closed: bool = False

    @property
    def folder(self) -> str:
        """The folder it lies in; for a member of an archive the archive, and the folder in it."""
        if self.archive is None:
            return os.path.dirname(self.entry)
        return f"{self.archive}!{os.path.dirname(self.entry[len(self.archive) + 1 :])}"

    @property
    def sealed(self) -> bool:
        """It is a whole archive or folder that nobody could look inside, not one file of many."""
        return self.closed and self.archive is None and self.kind in _SEALED

    @property
    def companion(self) -> bool:
        """A README, table, mask or system file that lies beside scans and is none.

        By its content: DICOM and NIfTI are scans whatever their names. Only where the content says
        nothing does the name count, and what has a scan's name is no companion: somebody will
        miss it.
        """
        if self.kind in ("dicom", "nifti") or self.closed:
            return False
        name = os.path.basename(self.entry[len(self.archive or "") :].lstrip("!")).lower()
        if name.endswith(_SCAN_NAMES) and not name.startswith("._"):
            return False
        return self.kind in _BESIDE or name.lstrip(".").split(".")[0] in _NAMED_BESIDE


def walk(
    paths: Iterable[str], entries: Entries, head_bytes: int = HEAD_BYTES
) -> Iterator[FoundFile]:
    """Yield every file once, in sorted order; links are followed, loops are not.

    Args:
        paths: files and folders.
        entries: opens archives.
        head_bytes: how much of each file on disk is read.

    Raises:
        MolreError: a path does not exist.
    """
    walking = _Walk(entries, max(head_bytes, HEAD_BYTES))
    for path in paths:
        if not os.path.lexists(path):
            raise MolreError("no such file or folder", where=path, fix="check the path")
        if os.path.isdir(path):
            yield from walking.folder(path, os.path.realpath(path))
        else:
            yield from walking.file(path, os.path.realpath(path), os.path.isfile(path))


class _Walk:
    """What was seen already, by its name without links, so that nothing is seen twice.

    A folder that was seen to its end stands for all in it, so that a million names are not kept.
    """

    def __init__(self, entries: Entries, head_bytes: int) -> None:
        self.entries, self.head_bytes = entries, head_bytes
        self.seen: set[str] = set()
        self.whole: set[str] = set()

    def folder(self, path: str, real: str) -> Iterator[FoundFile]:
        if not self._first_time(real):
            return
        try:
            with os.scandir(path) as listed:
                inside = sorted(listed, key=lambda one: one.name)
        except OSError as error:
            yield FoundFile(path, _FOLDER, _unreadable(path, error), closed=True)
            return
        if _is_ours(path, {one.name for one in inside}):
            yield FoundFile(path, OURS)
            return
        for one in inside:
            link = one.is_symlink()
            there = os.path.realpath(one.path) if link else os.path.join(real, one.name)
            if os.path.isdir(one.path) if link else one.is_dir():
                yield from self.folder(one.path, there)
            else:
                regular = os.path.isfile(one.path) if link else one.is_file()
                yield from self.file(one.path, there, regular)
        self.whole.add(real)
        self.seen.difference_update([os.path.join(real, one.name) for one in inside])

    def file(self, path: str, real: str, regular: bool) -> Iterator[FoundFile]:
        if not self._first_time(real):
            return
        try:
            if not regular:
                raise OSError("not a regular file, or a link that leads nowhere")
            head, size = _read_head(path, self.head_bytes)
        except OSError as error:
            there = os.path.exists(path) and not os.path.isfile(path)
            what = _SPECIAL if there else "unreadable"
            yield FoundFile(path, what, _unreadable(path, error), closed=not there)
            return
        what = kind(head[:HEAD_BYTES])
        if what in PACKED and is_packed_tar(path, head):
            what = "tar"
        if what == "zip" and zip_kind(head) == NUMPY and path.lower().endswith(".npz"):
            yield FoundFile(path, NUMPY)
        elif what in ARCHIVES:
            yield from _archive(path, what, self.entries)
        else:
            yield FoundFile(path, what, head=head, size=size, closed=what in CLOSED)

    def _first_time(self, real: str) -> bool:
        if real in self.seen or os.path.dirname(real) in self.whole:
            return False
        self.seen.add(real)
        return True


def _read_head(path: str, size: int) -> tuple[bytes, int]:
    """The first bytes of a file, and how many it has; a pipe put in its place is no wait."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        whole = os.fstat(descriptor).st_size
        head = os.read(descriptor, size)
        while len(head) < min(size, whole) and (more := os.read(descriptor, size - len(head))):
            head += more
        return head, whole
    finally:
        os.close(descriptor)


def _is_ours(path: str, names: set[str]) -> bool:
    """Whether a folder is a cohort: none of its files is a scan, and its strips are images."""
    if names >= _UNFINISHED:
        return True
    if "cohort.json" not in names:
        return False
    try:
        with open(os.path.join(path, "cohort.json"), "rb") as file:
            facts = json.loads(file.read(HEAD_BYTES))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and {"format_version", "synthetic"} <= set(facts)


def _archive(path: str, what: str, entries: Entries) -> Iterator[FoundFile]:
    try:
        members = entries.archive(path).members()
    except RefusedScan as error:
        yield FoundFile(path, what, error, closed=True)
        return
    if not members:
        yield FoundFile(path, "an empty archive")
    for member in members:
        yield _member(f"{path}!{member.name}", path, member, entries)


def _member(entry: str, path: str, member: Member, entries: Entries) -> FoundFile:
    if member.problem:
        error = RefusedScan(member.problem, where=entry, fix=UNPACK)
        closed = member.problem not in HARMLESS
        return FoundFile(entry, "member", error, archive=path, closed=closed)
    try:
        head = entries.archive(path).head(member.name, HEAD_BYTES)
    except Exception as error:  # a damaged member: zipfile raises many kinds
        return FoundFile(entry, "member", _unreadable(entry, error), archive=path, closed=True)
    what = kind(head)
    if what in ARCHIVES:
        what = zip_kind(head) or NESTED
    return FoundFile(entry, what, archive=path, closed=what in CLOSED)


def _unreadable(path: str, error: Exception) -> RefusedScan:
    raise_of_machine(error)
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return RefusedScan(
        f"it cannot be read ({words[:120]})", where=path, fix="check the file and its permissions"
    )
