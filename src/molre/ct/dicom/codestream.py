"""What a compressed frame says about itself, checked before a decoder sees it.

Decoders fill in what a damaged stream lacks and say so on stderr, if at all, and some end the
process. So the markers of a stream have to be sound, its size has to be that of the header, and it
has to have an end. What lies behind its end marker is not part of it: archives make a frame's
length even with 00 or FF, or leave what was in their buffer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from molre.ct.dicom.syntax import J2K_FAMILY, JPEG_LS

_SOI, _EOI, _SOS, _DHT, _DRI = 0xD8, 0xD9, 0xDA, 0xC4, 0xDD
_SOF_LOSSLESS, _SOF_LS, _LSE = 0xC3, 0xF7, 0xF8
_SOC, _SIZ, _SOT, _EOC = b"\xff\x4f", 0x51, 0x90, b"\xff\xd9"
_SOD = 0x93
_MAX_CATEGORY = 16  # bits of a difference in lossless JPEG


class DamagedStreamError(ValueError):
    """A codestream that is not whole, in a few words."""


@dataclass(frozen=True)
class Codestream:
    """The size and the values of one compressed frame, by its own header.

    Attributes:
        rows, columns, components: of the image.
        precision: bits of a value.
        signed: whether values have a sign; JPEG and JPEG-LS know none.
        essence: the stream without comments, application data and padding: a strange version of
            JFIF among them makes gdcm end the process.
        behind: whether anything but zeros lies behind its end.
    """

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    essence: bytes = field(repr=False)
    behind: bool = False


def inspect(frame: bytes, syntax: str) -> Codestream:
    """Read the header of a frame and check that the frame is whole.

    Args:
        frame: one compressed frame, and whatever lies behind its end.
        syntax: transfer syntax UID, of the JPEG, JPEG-LS or JPEG 2000 family.

    Raises:
        DamagedStreamError: it is of another kind, cut off, or its markers make no sense.
    """
    try:
        if syntax in J2K_FAMILY:
            return _j2k(frame)
        return _Jpeg(frame, syntax in JPEG_LS).read()
    except IndexError as error:
        raise DamagedStreamError("cut off in its header") from error


def _number(data: bytes, at: int, size: int = 2) -> int:
    if at + size > len(data):
        raise DamagedStreamError("cut off in its header")
    return int.from_bytes(data[at : at + size], "big")


class _Jpeg:
    """Markers of a lossless JPEG or a JPEG-LS of one component, in one scan."""

    def __init__(self, data: bytes, is_ls: bool) -> None:
        self.data, self.is_ls = data, is_ls
        self.size: tuple[int, int, int] | None = None  # rows, columns, bits
        self.essence = bytearray(data[:2])
        self.tables: set[int] = set()
        self.restarts = False

    def read(self) -> Codestream:
        if self.data[:2] != bytes((0xFF, _SOI)):
            raise DamagedStreamError("not JPEG")
        at = 2
        while True:
            while _number(self.data, at) == 0xFFFF:  # fill bytes
                at += 1
            if self.data[at] != 0xFF:
                raise DamagedStreamError("a marker is missing")
            marker, length = self.data[at + 1], _number(self.data, at + 2)
            body = self.data[at + 4 : at + 2 + length]
            if length < 2 or len(body) != length - 2:
                raise DamagedStreamError("cut off in its header")
            if self._segment(marker, body):
                self.essence += self.data[at : at + 2 + length]
            at += 2 + length
            if marker == _SOS and self.size:
                end = self._check_scan(at)
                rows, columns, bits = self.size
                essence = bytes(self.essence) + self.data[at:end]
                return Codestream(rows, columns, 1, bits, False, essence, _more(self.data, end))

    def _segment(self, marker: int, body: bytes) -> bool:
        """Check a segment; whether a decoder needs it."""
        if marker == (_SOF_LS if self.is_ls else _SOF_LOSSLESS):
            self._start_of_frame(body)
        elif marker == _SOS:
            self._start_of_scan(body)
        elif marker == _DHT and not self.is_ls:
            self._huffman(body)
        elif marker == _DRI:
            self.restarts = any(body)
        elif not (marker == _LSE and self.is_ls):
            if 0xE0 <= marker <= 0xEF or marker == 0xFE:
                return False
            raise DamagedStreamError(f"an unexpected marker {marker:02X}")
        return True

    def _start_of_frame(self, body: bytes) -> None:
        if self.size or len(body) != 6 + 3 * body[5]:
            raise DamagedStreamError("its frame header makes no sense")
        rows, columns = _number(body, 1), _number(body, 3)
        if body[5] != 1 or body[7] != 0x11 or not 2 <= body[0] <= 16:
            raise DamagedStreamError("not one component of 2 to 16 bits")
        self.component = body[6]
        self.size = rows, columns, body[0]

    def _start_of_scan(self, body: bytes) -> None:
        if not self.size or len(body) != 6 or body[0] != 1 or body[1] != self.component:
            raise DamagedStreamError("its scan header makes no sense")
        predictor, end, shift = body[3:6]
        if self.is_ls:
            sound = end == 0 and shift == 0 and predictor < 256
        else:
            sound = 1 <= predictor <= 7 and end == 0 and shift < self.size[2]
            sound = sound and (body[2] >> 4) in self.tables
        if not sound:
            raise DamagedStreamError("its scan header makes no sense")

    def _huffman(self, body: bytes) -> None:
        at = 0
        while at < len(body):
            counts = body[at + 1 : at + 17]
            values = body[at + 17 : at + 17 + sum(counts)]
            room = sum(count << (15 - index) for index, count in enumerate(counts))
            sound = body[at] < 4 and len(counts) == 16 and 0 < sum(counts) == len(values)
            # a code of ones alone is not allowed
            if not (sound and room < 1 << 16 and max(values) <= _MAX_CATEGORY):
                raise DamagedStreamError("its Huffman table makes no sense")
            if len(set(values)) != len(values):
                raise DamagedStreamError("its Huffman table makes no sense")
            self.tables.add(body[at])
            at += 17 + len(values)

    def _check_scan(self, at: int) -> int:
        """Up to EOI there is no marker but restarts; where it ends."""
        data = self.data
        while True:
            at = data.find(0xFF, at)
            if at < 0 or at + 1 >= len(data):
                raise DamagedStreamError("cut off: it has no end marker")
            after = data[at + 1]
            # in JPEG-LS a bit is stuffed after FF, in JPEG a zero byte
            if after == _EOI:
                break
            stuffed = after < 0x80 and (self.is_ls or after == 0)
            if stuffed or (0xD0 <= after <= 0xD7 and self.restarts):
                at += 2
            elif after == 0xFF:
                at += 1
            else:
                raise DamagedStreamError(f"an unexpected marker {after:02X} among its pixels")
        return at + 2


def _more(data: bytes, end: int) -> bool:
    """Whether anything but zeros lies behind the end."""
    return bool(data[end:].strip(b"\0"))


def _j2k(data: bytes) -> Codestream:
    if data[:12] == b"\0\0\0\x0cjP  \r\n\x87\n":
        data = _in_boxes(data)
    if data[:2] != _SOC or _number(data, 2) != 0xFF00 | _SIZ:
        raise DamagedStreamError("not JPEG 2000")
    right, lower, left, top = (_number(data, 8 + 4 * i, 4) for i in range(4))
    components = _number(data, 40)
    if _number(data, 4) != 38 + 3 * components or not components:
        raise DamagedStreamError("its size header makes no sense")
    depth, across, down = data[42], data[43], data[44]
    if across != 1 or down != 1 or right <= left or lower <= top:
        raise DamagedStreamError("its size header makes no sense")
    end = _check_tiles(data, 2)
    bits, signed = (depth & 0x7F) + 1, depth > 0x7F
    rows, columns, more = lower - top, right - left, _more(data, end)
    return Codestream(rows, columns, components, bits, signed, data[:end], more)


def _in_boxes(data: bytes) -> bytes:
    """The codestream within a JP2 file, which DICOM does not allow but some writers make."""
    at = 0
    while at + 8 <= len(data):
        length, kind = _number(data, at, 4), data[at + 4 : at + 8]
        if kind == b"jp2c":
            return data[at + 8 : at + length if length else len(data)]
        if length < 8:
            break
        at += length
    raise DamagedStreamError("a JPEG 2000 file without a codestream")


def _check_tiles(data: bytes, at: int) -> int:
    """Marker segments, parts of tiles of the stated lengths, the end; where that is."""
    while data[at : at + 2] != b"\xff\x90":
        if data[at] != 0xFF or not 0x50 <= data[at + 1] < _SOT:
            raise DamagedStreamError("a marker is missing")
        at += 2 + _number(data, at + 2)
    while data[at : at + 2] == b"\xff\x90":
        length = _number(data, at + 6, 4)
        if length == 0:  # up to the end
            at = _end_of_last_tile(data, at + 12)
            break
        if length < 14 or at + length > len(data):
            raise DamagedStreamError("cut off in a tile")
        at += length
    if at < 0 or data[at : at + 2] != _EOC:
        raise DamagedStreamError("cut off: it has no end marker")
    return at + 2


def _end_of_last_tile(data: bytes, at: int) -> int:
    """Where the first end marker lies behind the header of a tile's part; -1 without one.

    Packets hold no two bytes above FF8F (ISO/IEC 15444-1, B.10.1 and D), but a header may.
    """
    while _number(data, at) != 0xFF00 | _SOD:
        if data[at] != 0xFF:
            raise DamagedStreamError("a marker is missing")
        at += 2 + max(_number(data, at + 2), 2)
    return data.find(_EOC, at + 2)
