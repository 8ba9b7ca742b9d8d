"""A gzip file read at any place, without inflating it from the start each time."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

from molre.ct.files.archive import check_limits
from molre.ct.files.placed_stream import PlacedStream

_STEP = 2**20  # bytes between the places where inflating can start again
_MAX_POINTS = 1024  # of some 40 kB each; twice the step where there are more
_PIECE = 1 << 16
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Point:
    """Where inflating can go on: the inflater's state after ``out`` bytes.

    Attributes:
        out: bytes inflated before.
        read: bytes of the file that were given to the inflater or wait in ``tail``.
        tail: given, not yet taken.
    """

    out: int
    read: int
    tail: bytes
    inflater: Any


@dataclass
class Points:
    """Places at which inflating can start again; shared by all streams of one file."""

    step: int = _STEP
    kept: list[_Point] = field(default_factory=list)

    def add(self, point: _Point) -> None:
        """Keep a place, if it is far enough from the last one."""
        if self.kept and point.out < self.kept[-1].out + self.step:
            return
        self.kept.append(point)
        if len(self.kept) > _MAX_POINTS:
            self.kept, self.step = self.kept[::2], self.step * 2

    def before(self, place: int) -> _Point:
        """The last place that is not beyond ``place``."""
        low, high = 0, len(self.kept)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.kept[middle].out <= place else (low, middle)
        return self.kept[low]


class GzipStream(PlacedStream):
    """The inflated bytes, seekable from the start; refuses a bomb as soon as it shows.

    Args:
        path: file on disk.
        points: of this file, from an earlier stream.

    Raises:
        RefusedScan: it inflates beyond the limits of an archive.
        EOFError, zlib.error: when reading, cut off or damaged.
    """

    def __init__(self, path: str, points: Points | None = None) -> None:
        super().__init__(path)
        self.points = points or Points()
        start = _Point(0, 0, b"", _inflater())
        self.points.add(start)
        self._restart(start)

    def _here(self) -> bytes:
        return self._block[self._place - self._out :] if self._reach() else b""

    def _reach(self) -> bool:
        """Inflate until the block holds the place; False at the end."""
        if not self._out <= self._place < self._out + len(self._block):
            nearest = self.points.before(self._place)
            if self._place < self._out or nearest.out > self._out + len(self._block):
                self._restart(nearest)
        while self._place >= self._out + len(self._block):
            if not self._next_block():
                return False
        return True

    def _restart(self, point: _Point) -> None:
        self._out, self._block = point.out, b""
        self._read, self._tail = point.read, point.tail
        self._inflater = point.inflater.copy()
        self._file.seek(point.read)

    def _next_block(self) -> bool:
        self._out += len(self._block)
        self._block = b""
        while not self._block:
            if self._inflater.eof and not self._next_member():
                return False
            if not self._tail and not self._fill():
                raise EOFError("cut off")
            self._block = self._inflater.decompress(self._tail, _BLOCK)
            self._tail = self._inflater.unconsumed_tail
        end = self._out + len(self._block)
        check_limits(self._path, 1, end, self._read)
        if not self._inflater.eof:
            self.points.add(_Point(end, self._read, self._tail, self._inflater.copy()))
        return True

    def _next_member(self) -> bool:
        """Go on with what follows a gzip member; zeros may pad the end."""
        self._tail = self._inflater.unused_data
        while not self._tail.strip(b"\0"):
            if not self._fill():
                return False
        self._tail = self._tail.lstrip(b"\0")
        self._inflater = _inflater()
        return True

    def _fill(self) -> bool:
        piece = self._file.read(_PIECE)
        self._read += len(piece)
        self._tail = piece
        return bool(piece)


def _inflater() -> Any:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)
