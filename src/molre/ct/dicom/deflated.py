"""Deflated DICOM: pydicom inflates a whole file at once, so a bomb is refused before that."""

from __future__ import annotations

import warnings
import zlib
from typing import BinaryIO

from pydicom.filereader import _read_file_meta_info, read_preamble

from molre.ct.dicom.elements import text
from molre.ct.dicom.syntax import DEFLATED
from molre.ct.files.archive import MAX_RATIO, RATIO_MATTERS_BYTES
from molre.errors import RefusedScan

INFLATE_LIMIT = 512 * 2**20  # bytes
_META_BYTES = 4096
_LONG_VRS, _SHORT_VRS = {b"OB", b"UN"}, {b"UL", b"UI", b"SH", b"AE", b"LO", b"UR"}
_PIECE = 1 << 16


def check_deflated(data: BinaryIO, file: str) -> None:
    """Refuse a deflated file that would inflate far beyond a CT image.

    Args:
        data: seekable, at its start; left there.
        file: the name used in errors.

    Raises:
        RefusedScan: a bomb, or damaged.
    """
    head = data.read(_META_BYTES)
    data.seek(0)
    if surely_not_deflated(head):
        return
    try:
        if _is_deflated(data):
            _check_size(data, file)
    except zlib.error as error:
        raise RefusedScan(
            "its deflated content is damaged", where=file, fix="copy or export the file again"
        ) from error
    finally:
        data.seek(0)


def _is_deflated(data: BinaryIO) -> bool:
    """As pydicom's parser finds it; leaves the stream behind the meta information."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read_preamble(data, force=True)
            return text(_read_file_meta_info(data), "TransferSyntaxUID") == DEFLATED
    except Exception:  # the parser will say what is wrong
        return False


def _check_size(data: BinaryIO, file: str) -> None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    given = made = 0
    while not inflater.eof and (piece := data.read(_PIECE)):
        given += len(piece)
        while piece and not inflater.eof:
            made += len(inflater.decompress(piece, 1 << 20))
            piece = inflater.unconsumed_tail
            bomb = made > RATIO_MATTERS_BYTES and made / given > MAX_RATIO
            if bomb or made > INFLATE_LIMIT:
                raise RefusedScan(
                    f"it inflates to more than {made >> 20} MiB, far beyond a CT image",
                    where=file,
                    fix="export it uncompressed",
                )


def surely_not_deflated(head: bytes) -> bool:
    """Whether the meta information is plain, ends within ``head`` and names another syntax."""
    at = 132 if head[128:132] == b"DICM" else 0
    while head[at : at + 2] == b"\x02\0":
        kind, length = head[at + 4 : at + 6], int.from_bytes(head[at + 6 : at + 8], "little")
        start = at + 8
        if kind in _LONG_VRS:
            start, length = at + 12, int.from_bytes(head[at + 8 : at + 12], "little")
        elif kind not in _SHORT_VRS:
            return False
        if head[start : start + length].strip(b"\0 ") == DEFLATED.encode():
            return False
        at = start + length
    return at + 8 < len(head)
