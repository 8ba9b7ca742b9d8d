"""Entries: a file on disk (``/a/b.dcm``) or inside a zip (``/a/c.zip!inner/b.dcm``), read alike.

Nothing is ever extracted: members of a zip are read into memory, so no name in an archive can
lead outside it.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO

from molre.errors import RefusedScan

MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 2 * 2**30
MAX_ARCHIVE_BYTES = 16 * 2**30
MAX_RATIO = 200  # CT deflates 2 to 10 times; only a bomb goes beyond, once it is large
RATIO_MATTERS_BYTES = 64 * 2**20

# RuntimeError: a password is needed, or the compression is an unknown one
_READ_ERRORS = (OSError, zipfile.BadZipFile, RuntimeError, EOFError, zlib.error)


def split(entry: str) -> tuple[str, str | None]:
    """The file on disk, and the member inside it (None where the entry is the file itself)."""
    start = 0
    while not os.path.exists(entry) and (mark := entry.find("!", start)) > 0:
        if os.path.isfile(entry[:mark]):
            return entry[:mark], entry[mark + 1 :]
        start = mark + 1
    return entry, None


@dataclass
class Entries:
    """Opens entries; keeps the archive that was used last open. Use in a ``with`` block."""

    _archive: zipfile.ZipFile | None = None
    _name: str = ""
    _opened: list[zipfile.ZipFile] = field(default_factory=list)

    def __enter__(self) -> Entries:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._archive:
            self._archive.close()

    def open(self, entry: str) -> tuple[BinaryIO, int]:
        """The entry as a seekable stream, and its size in bytes.

        Raises:
            RefusedScan: it cannot be opened or read.
        """
        path, member = split(entry)
        try:
            if member is None:
                return open(path, "rb"), os.stat(path).st_size
            archive = self.archive(path)
            data = archive.read(_checked(archive.getinfo(member), entry))
            return io.BytesIO(data), len(data)
        except (*_READ_ERRORS, KeyError) as error:
            raise RefusedScan(
                f"it cannot be read ({_plain(error)})",
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

    def archive(self, path: str) -> zipfile.ZipFile:
        """The archive, its directory read and its claims checked.

        Raises:
            RefusedScan: damaged, too many members, or a decompression bomb.
        """
        if self._archive is None or self._name != path:
            if self._archive:
                self._archive.close()
            try:
                self._archive, self._name = zipfile.ZipFile(path), path
            except _READ_ERRORS as error:
                self._archive = None
                raise RefusedScan(
                    f"it is no readable zip ({_plain(error)})",
                    where=path,
                    fix="copy the archive again",
                ) from error
            _check_archive(self._archive, path)
        return self._archive


def member_problem(info: zipfile.ZipInfo) -> str | None:
    """Why one member of a zip is not read; None where it is."""
    parts = info.filename.replace("\\", "/").split("/")
    if ".." in parts or info.filename.startswith(("/", "\\")) or ":" in parts[0]:
        return "its name points outside the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link inside an archive"
    if info.flag_bits & 1:
        return "it is encrypted"
    if info.file_size > MAX_MEMBER_BYTES:
        return f"it unpacks to {info.file_size >> 20} MiB"
    return None


def _checked(info: zipfile.ZipInfo, entry: str) -> zipfile.ZipInfo:
    problem = member_problem(info)
    if problem:
        raise RefusedScan(
            problem, where=entry, fix="unpack the archive yourself and give the folder"
        )
    return info


def _check_archive(archive: zipfile.ZipFile, path: str) -> None:
    infos = archive.infolist()
    total = sum(info.file_size for info in infos)
    packed = max(os.stat(path).st_size, 1)
    bomb = total > RATIO_MATTERS_BYTES and total / packed > MAX_RATIO
    if len(infos) > MAX_MEMBERS or total > MAX_ARCHIVE_BYTES or bomb:
        raise RefusedScan(
            f"it would unpack to {len(infos)} files and {total >> 20} MiB from {packed >> 10} KiB, "
            "beyond the limits for an archive",
            where=path,
            fix="unpack it yourself and give the folder",
        )


def _plain(error: BaseException) -> str:
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return words.strip("'\"").split("\n")[0].split(": '")[0][:120]
