"""Tar archives, plain or packed by gzip, bzip2 or xz, read in memory.

A packed tar has no directory: it is unpacked once to list its members. From then on each of them is
reached from a place nearby in a gzip, and in the others from what was unpacked lately.
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, cast

from molre.ct.files.archive import (
    DEVICE,
    LINK,
    Member,
    check_limits,
    damaged,
    name_problem,
    only_last,
    size_problem,
    stamp,
)
from molre.ct.files.gzip_stream import GzipStream, Points
from molre.ct.files.packed_stream import PackedStream, packed_kind
from molre.ct.files.placed_stream import PlacedStream
from molre.ct.files.sniff import is_tar
from molre.errors import RefusedScan, raise_of_machine

_MAX_HEADER_BYTES = 1 << 20  # names and extended headers; more is a bomb
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class _Index:
    """Members in the order of the archive, and where the bytes of each begin."""

    members: tuple[Member, ...]
    places: dict[str, tuple[int, int]]
    points: Points | None


class TarArchive:
    """A tar, packed or not; listed and checked when it is opened.

    Args:
        path: file on disk.

    Raises:
        RefusedScan: damaged, cut off, too many members, or a decompression bomb.
    """

    def __init__(self, path: str) -> None:
        try:
            mark = stamp(path)
            self._index = _index(path, mark)
            self._stream = _open(path, mark, self._index.points)
        except RefusedScan:
            raise
        except Exception as error:  # a damaged header: tarfile raises many kinds
            raise_of_machine(error)
            raise damaged(path, "tar", error) from error

    def members(self) -> tuple[Member, ...]:
        """Its files in the order of the archive."""
        return self._index.members

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a member."""
        start, length = self._index.places[name]
        return _read(self._stream, start, min(size, length))

    def read(self, name: str) -> bytes:
        """All bytes of a member."""
        return _read(self._stream, *self._index.places[name])

    def close(self) -> None:
        """Close the file; one that cannot be entered in the middle stays open for the next use."""
        if not isinstance(self._stream, PackedStream):
            self._stream.close()


def is_packed_tar(path: str, head: bytes) -> bool:
    """Whether a file is a bzip2 or xz of a tar.

    Args:
        path: file on disk.
        head: its first bytes.
    """
    kind = packed_kind(head)
    if kind is None:
        return False
    try:
        with PackedStream(path, kind, 0) as stream:
            return is_tar(_read(cast(BinaryIO, stream), 0, tarfile.BLOCKSIZE))
    except Exception as error:  # damaged, or another kind of file with such first bytes
        raise_of_machine(error)
        return False


def _open(path: str, mark: tuple[int, int, int], points: Points | None) -> BinaryIO:
    with open(path, "rb") as file:
        head = file.read(6)
    kind = packed_kind(head)
    if kind:
        return _packed(path, mark, kind, threading.get_ident())
    packed = head.startswith(_GZIP)
    return cast(BinaryIO, GzipStream(path, points) if packed else open(path, "rb"))


@lru_cache(maxsize=1)  # the next study lies further on
def _packed(path: str, _: tuple[int, int, int], kind: str, __: int) -> BinaryIO:
    return cast(BinaryIO, PackedStream(path, kind))


def _read(stream: BinaryIO, start: int, length: int) -> bytes:
    """Exactly these bytes.

    Raises:
        EOFError: the archive ends before.
    """
    stream.seek(start)
    whole = bytearray()
    while len(whole) < length:
        piece = stream.read(min(length - len(whole), 1 << 20))
        if not piece:
            raise EOFError("cut off")
        whole += piece
    return bytes(whole)


@lru_cache(maxsize=2)  # workers read the studies of one archive in turn
def _index(path: str, mark: tuple[int, int, int]) -> _Index:
    stream = _open(path, mark, None)
    listed = _Listing(path, stream)
    try:
        listed.run()
    finally:
        if not isinstance(stream, PackedStream):
            stream.close()
    points = stream.points if isinstance(stream, GzipStream) else None
    return _Index(tuple(only_last(listed.members)), listed.places, points)


class _Listing:
    """One pass over an archive that notes its members."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path, self.stream = path, stream
        self.members: list[Member] = []
        self.places: dict[str, tuple[int, int]] = {}
        self.total = 0

    def run(self) -> None:
        """Note all members; raises many kinds of errors."""
        packed = os.stat(self.path).st_size
        with tarfile.open(
            fileobj=cast(BinaryIO, _Headers(self.stream)), mode="r:", errorlevel=2
        ) as tar:
            last = -1
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # they are kept here
                if tar.offset <= last or info.size < 0:
                    raise ValueError("its members overlap")
                last = tar.offset
                self._note(info, packed)
            self._check_end(tar.offset)

    def _note(self, info: tarfile.TarInfo, packed: int) -> None:
        if info.isdir():
            return
        self.total += info.size
        checked = isinstance(self.stream, PlacedStream)  # its ratio, as it unpacks
        check_limits(
            self.path, len(self.members) + 1, self.total, self.total if checked else packed
        )
        self.members.append(Member(info.name, info.size, _problem(info)))
        self.places[info.name] = (info.offset_data, info.size)

    def _check_end(self, offset: int) -> None:
        """An archive ends with a block of zeros; tarfile takes a damaged header for the end."""
        self.stream.seek(offset)
        block = self.stream.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
            raise ValueError(f"cut off or damaged after {len(self.members)} files")
        while self.stream.read(1 << 20):  # to its end, where gzip has its checksum
            pass


class _Headers(io.RawIOBase):
    """The stream as tarfile sees it while listing: no header is larger than the limit."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """As much as is asked for, up to the end."""
        if not 0 <= size <= _MAX_HEADER_BYTES:
            raise ValueError("a header of more than 1 MiB")
        whole = b""
        while len(whole) < size and (piece := self._stream.read(size - len(whole))):
            whole += piece
        return whole

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Bytes from the start."""
        return self._stream.tell()


def _problem(info: tarfile.TarInfo) -> str | None:
    if info.issym() or info.islnk():
        return LINK
    if not info.isfile():
        return DEVICE
    if info.issparse():
        return "it is a sparse file inside an archive"
    return name_problem(info.name) or size_problem(info.size)
