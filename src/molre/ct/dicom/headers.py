"""The headers of many files; slices that differ in name and place alone are parsed once.

pydicom parses the first slice of a series. In the next ones all elements that a `Header` is made
of are the same bytes, but for SOP Instance UID, Image Position (Patient), Acquisition Number and
what else counts up or is modulated along a scan (instance, time, tube current): where these are
plain, the record is that of the first slice with these of its own. A file whose bytes leave any
doubt is parsed as if it stood alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from pydicom.tag import Tag

from molre.ct.dicom.elements import plain_floats, plain_text
from molre.ct.dicom.header import HEAD_BYTES, PROGRAMS, TAGS, Header, Plane, pixel_data, read_header
from molre.ct.dicom.header_layout import Layout, layout
from molre.ct.dicom.marks import Along

_SOP_UID, _POSITION = int(Tag("SOPInstanceUID")), int(Tag("ImagePositionPatient"))
_ACQUISITION = int(Tag("AcquisitionNumber"))
_INSTANCE = int(Tag("InstanceNumber"))
_CURRENT, _EXPOSURE = int(Tag("XRayTubeCurrent")), int(Tag("Exposure"))
_DATE_TIME, _TIME = int(Tag("AcquisitionDateTime")), int(Tag("AcquisitionTime"))
_EVENT = int(Tag("IrradiationEventUID"))
_ALONG = {_INSTANCE: b"IS", _CURRENT: b"IS", _EXPOSURE: b"IS", _DATE_TIME: b"DT", _TIME: b"TM",
          _EVENT: b"UI"}  # fmt: skip
_GROUPS = {int(Tag(f"{name}FunctionalGroupsSequence")) for name in ("Shared", "PerFrame")}
_META = {0x00020002, 0x00020010}  # SOP class, transfer syntax
_CHARACTER_SET = 0x00080005
_NAMED = frozenset({int(tag) for tag in TAGS} | _META | {_CHARACTER_SET})


@dataclass(frozen=True)
class _Own:
    """What a slice does not share with the others of its series."""

    sop_uid: str
    position: tuple[float, ...]
    acquisition_number: int | None
    pixels: tuple[int, int] | None
    along: dict[int, str | float]


class Headers:
    """Reads headers, and remembers one of each series."""

    def __init__(self) -> None:
        self._parsed: dict[tuple[object, ...], Header] = {}

    def read(self, data: BinaryIO, file: str, size: int) -> Header:
        """Read a header, as `molre.ct.dicom.header.read_header` does.

        Args:
            data: seekable, at its start.
            file: the name used in errors.
            size: bytes of the file.

        Raises:
            RefusedScan: the file cannot be parsed as DICOM.
        """
        head = data.read(HEAD_BYTES)
        shared, own = _parts(head)
        if shared and own and (parsed := self._parsed.get(shared)):
            return _like(parsed, own, file, size)
        header = read_header(data, file, size, head)
        if shared:
            self._parsed[shared] = header
        return header

    def known(self, head: bytes, file: str, size: int) -> Header | None:
        """The header of a slice like one that was read, by the first `HEAD_BYTES` of its file.

        None where there is none like it; `read` reads it then.
        """
        shared, own = _parts(head)
        parsed = self._parsed.get(shared) if shared else None
        return _like(parsed, own, file, size) if parsed and own else None


def _parts(head: bytes) -> tuple[tuple[object, ...] | None, _Own | None]:
    """What a slice has in common with others, and what not; None where it is not plain."""
    found = None if head.startswith(PROGRAMS) else layout(head, _NAMED)
    own = _own(found, head) if found else None
    return (_shared(found, own), own) if found and own else (None, None)


def _own(found: Layout, head: bytes) -> _Own | None:
    """None where one of them is absent or not plain, or where frames have their own."""
    if not _GROUPS.isdisjoint(found.elements):
        return None
    uid = plain_text("UI", found.value(_SOP_UID, b"UI"))
    position = plain_floats("DS", found.value(_POSITION, b"DS"))
    if not uid or position is None or len(position) != 3:
        return None
    number = None
    if _ACQUISITION in found.elements:
        stated = plain_floats("IS", found.value(_ACQUISITION, b"IS"))
        if stated is None:
            return None
        number = int(stated[0])
    start = head[found.stop : found.stop + 12]
    pixels = pixel_data(found.stop, start, found.implicit, True)
    return _Own(uid, position, number, pixels, _along(found))


def _along(found: Layout) -> dict[int, str | float]:
    """What is there and plain of the elements that may change along a scan."""
    along: dict[int, str | float] = {}
    for tag, vr in _ALONG.items():
        if tag not in found.elements:
            continue
        raw = found.value(tag, vr)
        if vr == b"IS":
            counts = plain_floats("IS", raw)
            if counts:
                along[tag] = counts[0]
        elif words := plain_text(vr.decode(), raw):
            along[tag] = words
    return along


def _shared(found: Layout, own: _Own) -> tuple[object, ...]:
    """Everything else, as bytes; that pixel data can be found or not is the series', too."""
    mine = {_SOP_UID, _POSITION, _ACQUISITION, *own.along}
    others = b"".join([raw for tag, raw in found.elements.items() if tag not in mine])
    return others, own.acquisition_number is None, own.pixels is None, tuple(own.along)


def _like(parsed: Header, own: _Own, file: str, size: int) -> Header:
    (plane,) = parsed.planes
    mine = {
        "position": own.position,
        "acquisition_number": own.acquisition_number,
        "along": _own_along(plane.along, own.along),
    }
    theirs = {
        "file": file,
        "size": size,
        "sop_uid": own.sop_uid,
        "planes": (Plane(**{**vars(plane), **mine}),),
        "pixels": own.pixels if parsed.pixels else None,
    }
    return Header(**{**vars(parsed), **theirs})  # dataclasses.replace takes twice as long


def _own_along(parsed: Along, along: dict[int, Any]) -> Along:
    """That of the parsed slice, with what changes along the scan."""
    (current, exposure), (date_time, time), (acquisition, event) = (
        parsed.exposure, parsed.time, parsed.event,
    )  # fmt: skip
    instance = along.get(_INSTANCE)
    return Along(
        (along.get(_CURRENT, current), along.get(_EXPOSURE, exposure)),
        (along.get(_DATE_TIME, date_time), along.get(_TIME, time)),
        (acquisition, along.get(_EVENT, event)),
        parsed.instance if instance is None else int(instance),
    )
