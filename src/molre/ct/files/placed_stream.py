"""What the streams of packed files have in common: a place to read from, and going there."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from typing import Any, BinaryIO


class PlacedStream(io.RawIOBase, ABC):
    """Unpacked bytes, seekable from the start.

    Args:
        path: file on disk.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._file: BinaryIO = open(path, "rb")  # noqa: SIM115  closed with the stream
        self._place = 0

    @abstractmethod
    def _here(self) -> memoryview | bytes:
        """Some bytes from the place on; none at the end."""

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes, not from the end."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def tell(self) -> int:
        """Bytes from the start."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; nothing is read."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end is not known")
        self._place = max(0, offset + (self._place if whence == io.SEEK_CUR else 0))
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill as much of the buffer as lies in one piece."""
        view = memoryview(buffer).cast("B")
        piece = self._here()[: len(view)] if len(view) else b""
        view[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)
