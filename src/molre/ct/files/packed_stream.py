"""A bzip2 or xz file read forwards; what was unpacked lately is kept, so that going back is cheap.

Neither format can be entered in the middle with the standard library: going back beyond what is
kept unpacks from the start again.
"""

from __future__ import annotations

import bz2
import lzma
from collections import deque
from typing import Any

from molre.ct.files.archive import check_limits
from molre.ct.files.placed_stream import PlacedStream

MAGICS = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
KEPT_BYTES = 256 * 2**20  # a study of 500 slices
XZ_BYTES = 256 * 2**20  # memory for unpacking; `xz -9` needs 65 MiB
_BLOCK = 1 << 20
_PIECE = 1 << 16


def packed_kind(head: bytes) -> str | None:
    """``"bzip2"`` or ``"xz"``, by the first bytes of a file; None for anything else."""
    return next((name for magic, name in MAGICS.items() if head.startswith(magic)), None)


class PackedStream(PlacedStream):
    """The unpacked bytes, seekable from the start; refuses a bomb as soon as it shows.

    Args:
        path: file on disk.
        kind: of `packed_kind`.
        kept: bytes that are kept of what was unpacked lately.

    Raises:
        RefusedScan: it unpacks beyond the limits of an archive.
        EOFError, OSError, lzma.LZMAError: when reading, cut off or damaged.
    """

    def __init__(self, path: str, kind: str, kept: int = KEPT_BYTES) -> None:
        super().__init__(path)
        self._kind = kind
        self._blocks: deque[bytes] = deque()
        self._most = max(kept // _BLOCK, 1)
        self._restart()

    def _restart(self) -> None:
        self._blocks.clear()
        self._first = self._end = 0  # of what is kept; all blocks but the last have one size
        self._read = 0  # bytes given to the unpacker
        self._ended = False
        self._unpacker = self._new()
        self._file.seek(0)

    def _new(self) -> Any:
        if self._kind == "bzip2":
            return bz2.BZ2Decompressor()
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_BYTES)

    def _here(self) -> memoryview | bytes:
        if self._place < self._first:
            self._restart()
        while self._place >= self._end:
            if not self._next_block():
                return b""
        number, within = divmod(self._place - self._first, _BLOCK)
        return memoryview(self._blocks[number])[within:]

    def _next_block(self) -> bool:
        """Unpack one more block, full unless it is the last; False at the end."""
        parts, wanted = [], _BLOCK
        while wanted and not self._ended:
            if self._unpacker.eof:
                self._ended = not self._next_member()
                continue
            fresh = self._fill() if self._unpacker.needs_input else b""
            if fresh is None:
                break  # what came before the cut is given first
            parts.append(self._unpacker.decompress(fresh, wanted))
            wanted -= len(parts[-1])
            check_limits(self._path, 1, self._end + _BLOCK - wanted, self._read)
        if wanted == _BLOCK:
            if not self._ended:
                raise EOFError("cut off")
            return False
        if len(self._blocks) == self._most:
            self._blocks.popleft()
            self._first += _BLOCK
        self._blocks.append(b"".join(parts))
        self._end += _BLOCK - wanted
        return True

    def _fill(self) -> bytes | None:
        piece = self._file.read(_PIECE)
        self._read += len(piece)
        return piece or None

    def _next_member(self) -> bool:
        """Go on with what follows the end of a stream; zeros may pad it."""
        left = self._unpacker.unused_data.lstrip(b"\0")
        while not left:
            piece = self._file.read(_PIECE)
            if not piece:
                return False
            self._read += len(piece)
            left = piece.lstrip(b"\0")
        self._file.seek(-len(left), 1)
        self._read -= len(left)
        self._unpacker = self._new()
        return True
