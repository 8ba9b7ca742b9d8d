"""What all archives share: their members, the limits, and which members are not read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from molre.errors import RefusedScan

MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 2 * 2**30
MAX_ARCHIVE_BYTES = 16 * 2**30
MAX_RATIO = 200  # CT deflates 2 to 10 times; only a bomb goes beyond, once it is large
RATIO_MATTERS_BYTES = 64 * 2**20

UNPACK = "unpack the archive yourself and give the folder"
LINK, DEVICE = "it is a link inside an archive", "it is a device or pipe inside an archive"
REPLACED = "a later member of the archive has the same name"
HARMLESS = frozenset({LINK, DEVICE, REPLACED})  # no scan is lost by them


@dataclass(frozen=True)
class Member:
    """One file in an archive.

    Attributes:
        name: as the archive has it.
        size: bytes, unpacked, as the archive claims.
        problem: why it is not read; None where it is.
    """

    name: str
    size: int
    problem: str | None = None


class Archive(Protocol):
    """A zip or a tar, open for reading."""

    def members(self) -> Sequence[Member]:
        """Its files, without folders, in the order they are best read in."""

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a member."""

    def read(self, name: str) -> bytes:
        """All bytes of a member; KeyError where there is none."""

    def close(self) -> None:
        """Close the file."""


def name_problem(name: str) -> str | None:
    """Why a member of this name is not read."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0]:
        return "its name points outside the archive"
    if not name:
        return "it has no name"
    return None


def size_problem(size: int) -> str | None:
    """Why a member of this size is not read."""
    return f"it unpacks to {size >> 20} MiB" if size > MAX_MEMBER_BYTES else None


def only_last(members: Sequence[Member]) -> list[Member]:
    """Of members with one name the last counts, as it does when unpacking; the others say so."""
    last = {member.name: index for index, member in enumerate(members)}
    return [
        member if last[member.name] == index else Member(member.name, member.size, REPLACED)
        for index, member in enumerate(members)
    ]


def check_limits(path: str, count: int, total: int, packed: int) -> None:
    """Refuse an archive that would unpack to far more than scans do.

    Args:
        path: the archive.
        count: members so far.
        total: bytes, unpacked.
        packed: bytes that they are packed in.

    Raises:
        RefusedScan: too many members, too large, or a decompression bomb.
    """
    bomb = total > RATIO_MATTERS_BYTES and total / max(packed, 1) > MAX_RATIO
    if count > MAX_MEMBERS or total > MAX_ARCHIVE_BYTES or bomb:
        raise RefusedScan(
            f"it would unpack to {count} files and {total >> 20} MiB from {packed >> 10} KiB, "
            "beyond the limits for an archive",
            where=path,
            fix="unpack it yourself and give the folder",
        )


def damaged(path: str, kind: str, error: BaseException) -> RefusedScan:
    """An archive that cannot be opened."""
    return RefusedScan(
        f"it is not a readable {kind} ({plain(error)})", where=path, fix="copy the archive again"
    )


def plain(error: BaseException) -> str:
    """The words of an error, without a file name."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return words.strip("'\"").split("\n")[0].split(": '")[0][:120]


def stamp(path: str) -> tuple[int, int, int]:
    """What changes when a file is replaced: inode, size, time of change."""
    known = os.stat(path)
    return known.st_ino, known.st_size, known.st_mtime_ns
