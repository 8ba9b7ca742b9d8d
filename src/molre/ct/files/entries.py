"""Entries: a file on disk (``/a/b.dcm``) or in an archive (``/a/c.tar.gz!b.dcm``), read alike.

Nothing is ever extracted: members of an archive are read into memory, so no name in it can lead
outside it.
"""

from __future__ import annotations

import io
import os
from types import TracebackType
from typing import BinaryIO

from molre.ct.files.archive import Archive, plain
from molre.ct.files.sniff import HEAD_BYTES, PACKED, kind
from molre.ct.files.tar_archive import TarArchive
from molre.ct.files.text_names import on_disk
from molre.ct.files.zip_archive import ZipArchive
from molre.errors import RefusedScan, raise_of_machine

_LARGE = 2**20  # bytes


def split(entry: str) -> tuple[str, str | None]:
    """The file on disk, and the member inside it (None where the entry is the file itself).

    Args:
        entry: as it was found, or as it was written, see ``molre.ct.files.text_names``.
    """
    return _split(entry) or _split(on_disk(entry)) or (entry, None)


def _split(entry: str) -> tuple[str, str | None] | None:
    """None where nothing is there."""
    if os.path.lexists(entry):
        return entry, None
    start = 0
    while (mark := entry.find("!", start)) > 0:
        if os.path.isfile(entry[:mark]):
            return entry[:mark], entry[mark + 1 :]
        start = mark + 1
    return None


def outer(entry: str) -> str:
    """The file on disk, an archive where the entry lies in one."""
    return split(entry)[0] if "!" in entry else entry


class Entries:
    """Opens entries; keeps the archive that was used last open. Use in a ``with`` block."""

    def __init__(self) -> None:
        self._archive: Archive | None = None
        self._name = ""

    def __enter__(self) -> Entries:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def open(self, entry: str) -> tuple[BinaryIO, int]:
        """The entry as a seekable stream, and its size in bytes.

        Raises:
            RefusedScan: it cannot be opened or read.
        """
        path, member = split(entry)
        try:
            if member is None:
                return _open_file(path)
            data = self._member(self.archive(path), member)
            return io.BytesIO(data), len(data)
        except RefusedScan:
            raise
        except Exception as error:  # a damaged member: zipfile raises many kinds
            raise_of_machine(error)
            raise RefusedScan(
                f"it cannot be read ({plain(error)})",
                where=entry,
                fix="check the file, its permissions and its password, or copy it again",
            ) from error

    def read(self, entry: str) -> bytes:
        """All bytes of an entry.

        Raises:
            RefusedScan: it cannot be opened or read.
        """
        stream, _ = self.open(entry)
        with stream:
            return stream.read()

    def archive(self, path: str) -> Archive:
        """The archive, its members listed and its claims checked.

        Raises:
            RefusedScan: damaged, too many members, or a decompression bomb.
        """
        if self._archive is None or self._name != path:
            self._close()
            self._archive, self._name = _open_archive(path), path
        return self._archive

    def _member(self, archive: Archive, name: str) -> bytes:
        try:
            return archive.read(name)
        except KeyError:
            if on_disk(name) == name:
                raise
            return archive.read(on_disk(name))

    def _close(self) -> None:
        if self._archive:
            self._archive.close()
        self._archive = None


class _File(io.BufferedReader):
    """A file on disk; asks for no more memory than it has bytes, whatever its header claims."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes."""
        if size is not None and size > _LARGE:
            size = min(size, max(os.fstat(self.fileno()).st_size - self.tell(), 0))
        return super().read(size)


def _open_file(path: str) -> tuple[BinaryIO, int]:
    """A regular file; a pipe put in its place would wait for a writer for ever."""
    stream = _File(io.FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb"))
    return stream, os.fstat(stream.fileno()).st_size


def _open_archive(path: str) -> Archive:
    with open(path, "rb") as file:
        what = kind(file.read(HEAD_BYTES))
    return TarArchive(path) if what == "tar" or what in PACKED else ZipArchive(path)
