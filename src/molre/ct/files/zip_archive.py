"""Zip archives, read in memory."""

from __future__ import annotations

import os
import stat
import zipfile

from molre.ct.files.archive import (
    LINK,
    Member,
    check_limits,
    damaged,
    name_problem,
    only_last,
    size_problem,
)
from molre.errors import raise_of_machine


class ZipArchive:
    """A zip; its directory is read and its claims are checked when it is opened.

    Args:
        path: file on disk.

    Raises:
        RefusedScan: damaged, too many members, or a decompression bomb.
    """

    def __init__(self, path: str) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except Exception as error:  # a damaged directory: zipfile raises many kinds
            raise_of_machine(error)
            raise damaged(path, "zip", error) from error
        infos = self._zip.infolist()
        check_limits(path, len(infos), sum(i.file_size for i in infos), os.stat(path).st_size)

    def members(self) -> list[Member]:
        """Its files by name."""
        infos = [info for info in self._zip.infolist() if not info.filename.endswith("/")]
        found = [Member(info.filename, info.file_size, _problem(info)) for info in infos]
        return sorted(only_last(found), key=lambda member: member.name)

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a member."""
        with self._zip.open(name) as stream:
            return stream.read(size)

    def read(self, name: str) -> bytes:
        """All bytes of a member; its checksum is verified."""
        info = self._zip.getinfo(name)
        problem = _problem(info)
        if problem:
            raise OSError(problem)
        return self._zip.read(info)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()


def _problem(info: zipfile.ZipInfo) -> str | None:
    if stat.S_ISLNK(info.external_attr >> 16):
        return LINK
    if info.flag_bits & 1:
        return "it is encrypted"
    return name_problem(info.filename) or size_problem(info.file_size)
