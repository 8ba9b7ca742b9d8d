"""A file packed by gzip, bzip2 or xz, unpacked once so that any place in it can be read.

What is unpacked goes to a temporary file (under TMPDIR) that has no name: nobody else can open it,
and the system takes it back when the process ends, however it ends.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tempfile
from typing import Any, BinaryIO, cast

from molre.ct.files.archive import check_limits

XZ_BYTES = 256 * 2**20  # memory for unpacking; `xz -9` needs 65 MiB
_BLOCK = 1 << 20
_PIECE = 1 << 16
_MAGICS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}


def packed_kind(head: bytes) -> str | None:
    """``"gzip"``, ``"bzip2"`` or ``"xz"``, by the first bytes of a file; None for anything else."""
    return next((name for magic, name in _MAGICS.items() if head.startswith(magic)), None)


def unpacked(path: str) -> BinaryIO:
    """All that a file holds, in a temporary file that is gone once it is closed.

    Args:
        path: a file of a kind that `packed_kind` names.

    Raises:
        RefusedScan: it unpacks beyond the limits of an archive.
        EOFError, zlib.error, lzma.LZMAError: it is cut off or damaged.
        OSError: damaged as well; or the disk is full, where ``filename`` is the folder.
    """
    out = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  closed by who reads it
    try:
        with open(path, "rb") as file:
            _unpack(file, path, out)
    except BaseException:
        out.close()
        raise
    return out


def first_bytes(path: str, size: int) -> bytes:
    """The first bytes of what a packed file holds; errors are those of `unpacked`."""
    with open(path, "rb") as file:
        return _stream(file).read(size)


def _unpack(file: BinaryIO, path: str, out: BinaryIO) -> None:
    stream, size = _stream(file), 0
    while piece := _next_of(stream):
        size += len(piece)
        check_limits(path, 1, size, file.tell())
        try:
            out.write(piece)
            out.flush()
        except OSError as error:
            error.filename = tempfile.gettempdir()  # the file itself has no name
            raise


def _next_of(stream: BinaryIO) -> bytes:
    try:
        return stream.read(_BLOCK)
    except EOFError:
        raise EOFError("cut off") from None


def _stream(file: BinaryIO) -> BinaryIO:
    kind = packed_kind(file.read(6))
    file.seek(0)
    if kind == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if kind == "bzip2":
        return cast(BinaryIO, bz2.BZ2File(file))
    return io.BufferedReader(_Xz(file))


class _Xz(io.RawIOBase):
    """What an xz file holds, stream after stream; ``lzma.open`` takes no limit of memory."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file, self._unpacker = file, _unpacker()

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill some of the buffer; 0 at the end."""
        while not self._unpacker.eof or self._next_stream():
            fresh = self._file.read(_PIECE) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not fresh:
                raise EOFError
            piece = self._unpacker.decompress(fresh, len(buffer))
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)
        return 0

    def _next_stream(self) -> bool:
        """Go on with what follows the end of a stream; zeros may pad it."""
        left = self._unpacker.unused_data.lstrip(b"\0")
        while not left:
            piece = self._file.read(_PIECE)
            if not piece:
                return False
            left = piece.lstrip(b"\0")
        self._file.seek(-len(left), io.SEEK_CUR)
        self._unpacker = _unpacker()
        return True


def _unpacker() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_BYTES)
