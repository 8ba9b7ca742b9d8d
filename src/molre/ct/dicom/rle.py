"""What an RLE frame says about itself, checked before a decoder sees it (DICOM PS3.5, annex G).

RLE has no end marker: a plane of bytes ends with its last pixel. Each row is packed by itself
(G.3.1), so where all runs end with their rows nothing was lost on the way, and what lies behind the
last plane is not part of the frame. Where they do not, only padding may follow.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from molre.ct.dicom.codestream import DamagedStreamError

_HEADER = 64  # bytes
_PADDING = b"\0\x80"  # a zero makes a length even; 128 says nothing


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        essence: the frame up to its end.
        behind: whether anything but padding lies behind it.
    """

    essence: bytes = field(repr=False)
    behind: bool


def inspect(frame: bytes, rows: int, columns: int) -> Frame:
    """Check that each plane unpacks to one byte a pixel and ends where the next one begins.

    Args:
        frame: one compressed frame, and whatever lies behind its end.
        rows, columns: of the image.

    Raises:
        DamagedStreamError: it is cut off, or not what the header says.
    """
    count = min(int.from_bytes(frame[:4], "little"), 15)  # of which the header has room
    starts = [int.from_bytes(frame[4 + 4 * i : 8 + 4 * i], "little") for i in range(count)]
    if not starts or starts[0] != _HEADER or any(frame[4 + 4 * count : _HEADER]):
        raise DamagedStreamError("its RLE header makes no sense")
    end, behind = len(frame), False
    for index, start in enumerate(starts):
        last = index == count - 1
        segment = frame[start : len(frame) if last else starts[index + 1]]
        length, by_rows = _unpack(segment, rows * columns, columns)
        behind = bool(segment[length:].strip(_PADDING))
        if behind and not (last and by_rows):
            raise DamagedStreamError("an RLE segment does not hold one byte per pixel")
        end = start + length
    return Frame(frame[:end] if behind else frame, behind)


def _unpack(segment: bytes, pixels: int, columns: int) -> tuple[int, bool]:
    """Where the runs have given exactly so many bytes, and whether each row ended with a run."""
    at = done = 0
    rows = set()
    while done < pixels and at < len(segment):
        length = segment[at]
        if length == 128:
            at += 1
        elif length > 128:
            done, at = done + 257 - length, at + 2
        else:
            done, at = done + length + 1, at + 2 + length
        if done % columns == 0:
            rows.add(done)
    if done != pixels or at > len(segment):
        raise DamagedStreamError("an RLE segment does not hold one byte per pixel")
    return at, len(rows) == pixels // columns
