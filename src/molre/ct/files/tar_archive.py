"""Tar archives, plain or packed by gzip, bzip2 or xz.

A tar has no directory and is passed over once to list its members; a packed one is unpacked before,
see `molre.ct.files.unpacked`. From then on each member is read from its place.
"""

from __future__ import annotations

import io
import os
import tarfile
import weakref
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
from molre.ct.files.sniff import HEAD_BYTES, is_tar
from molre.ct.files.unpacked import first_bytes, packed_kind, unpacked
from molre.errors import RefusedScan, raise_of_machine

_PIECE = 1 << 20
_MAX_HEADER_BYTES = 1 << 20  # names and extended headers; more is a bomb


@dataclass(frozen=True)
class _Index:
    """Members in the order of the archive, and where the bytes of each begin.

    Attributes:
        members: names, sizes, problems.
        places: first byte and length, by name.
        unpacked: the tar, where the file on disk is packed; closed with the index.
    """

    members: tuple[Member, ...]
    places: dict[str, tuple[int, int]]
    unpacked: BinaryIO | None


class TarArchive:
    """A tar, packed or not; listed and checked when it is opened.

    Args:
        path: file on disk.

    Raises:
        RefusedScan: damaged, cut off, too many members, or a decompression bomb.
    """

    def __init__(self, path: str) -> None:
        try:
            self._index = _index(path, stamp(path))
            self._own = None if self._index.unpacked else open(path, "rb")  # noqa: SIM115
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
        return self._read(start, min(size, length))

    def read(self, name: str) -> bytes:
        """All bytes of a member."""
        return self._read(*self._index.places[name])

    def close(self) -> None:
        """Close the file; what was unpacked stays for the next use."""
        if self._own:
            self._own.close()

    def _read(self, start: int, length: int) -> bytes:
        """Exactly these bytes; a place of their own lets threads read side by side.

        Raises:
            EOFError: the archive ends before.
        """
        file = self._index.unpacked or self._own
        assert file is not None
        whole = bytearray()
        while len(whole) < length:  # which may be a claim
            most = min(length - len(whole), _PIECE)
            piece = os.pread(file.fileno(), most, start + len(whole))
            if not piece:
                raise EOFError("cut off")
            whole += piece
        return bytes(whole)


def is_packed_tar(path: str, head: bytes) -> bool:
    """Whether a file is a gzip, bzip2 or xz of a tar.

    Args:
        path: file on disk.
        head: its first bytes.
    """
    if packed_kind(head) is None:
        return False
    try:
        return is_tar(first_bytes(path, tarfile.BLOCKSIZE))
    except Exception as error:  # damaged, or another kind of file with such first bytes
        raise_of_machine(error)
        return False


@lru_cache(maxsize=2)  # workers read the studies of one archive in turn
def _index(path: str, _: tuple[int, int, int]) -> _Index:
    with open(path, "rb") as file:
        packed = packed_kind(file.read(HEAD_BYTES)) is not None
        if not packed:
            return _listed(path, file, None)
    tar = unpacked(path)
    try:
        index = _listed(path, tar, tar)
    except BaseException:
        tar.close()
        raise
    weakref.finalize(index, tar.close)
    return index


def _listed(path: str, tar: BinaryIO, kept: BinaryIO | None) -> _Index:
    tar.seek(0)
    listing = _Listing(path, tar)
    listing.run()
    return _Index(tuple(only_last(listing.members)), listing.places, kept)


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
        check_limits(self.path, len(self.members) + 1, self.total, packed)
        self.members.append(Member(info.name, info.size, _problem(info)))
        self.places[info.name] = (info.offset_data, info.size)

    def _check_end(self, offset: int) -> None:
        """An archive ends with a block of zeros; tarfile takes a damaged header for the end."""
        self.stream.seek(offset)
        block = self.stream.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
            raise ValueError(f"cut off or damaged after {len(self.members)} files")


class _Headers(io.RawIOBase):
    """The stream as tarfile sees it while listing: no header is larger than the limit."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """As much as is asked for, up to the end."""
        if not 0 <= size <= _MAX_HEADER_BYTES:
            raise ValueError("a header of more than 1 MiB")
        return self._stream.read(size)

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
