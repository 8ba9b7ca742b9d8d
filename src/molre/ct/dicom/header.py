"""One DICOM file's header as a small frozen record, read without its pixels."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from molre.ct.dicom.acquisition import KEYWORDS, acquisition
from molre.ct.dicom.deflated import check_deflated
from molre.ct.dicom.elements import doubt, floats, has, number, text, value
from molre.ct.dicom.functional_groups import NOTHING, Groups, item
from molre.ct.dicom.marks import (
    Along,
    Marks,
    classic_along,
    classic_marks,
    frame_along,
    frame_marks,
    frames_differ,
)
from molre.ct.dicom.syntax import LOSSY, NATIVE
from molre.ct.volume import Acquisition
from molre.errors import RefusedScan, raise_of_machine

HEAD_BYTES = 1 << 15  # beyond the header of most classic files
PROGRAMS = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"#!")
_PIXEL_DATA = (b"\x7f\xe0\0\x10", b"\xe0\x7f\x10\0")  # its tag, big and little endian
_UNDEFINED = 0xFFFFFFFF  # length of encapsulated pixel data


TAGS = [Tag(keyword) for keyword in dict.fromkeys((
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID",
    "AccessionNumber", "StudyDate", "PatientAge", "PatientBirthDate", "PatientSex",
    "ImageType", "Modality", "AcquisitionNumber", "InstanceNumber", "Manufacturer",
    "AcquisitionDateTime", "AcquisitionTime", "AcquisitionUID", "IrradiationEventUID",
    "FrameOfReferenceUID", "FilterType", "ReconstructionDiameter", "XRayTubeCurrent", "Exposure",
    "TemporalPositionIdentifier", "TemporalPositionIndex", "TriggerTime",
    "ManufacturerModelName", "SeriesDescription", "ProtocolName", "BodyPartExamined",
    "ConvolutionKernel", "KVP", "SliceThickness", "ContrastBolusAgent",
    "ContrastBolusAgentSequence", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "LossyImageCompression",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "VolumeBasedCalculationTechnique",
    "BurnedInAnnotation", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    *KEYWORDS,
))]  # fmt: skip
_NUMBERS = {  # how many, and where an Enhanced CT has them
    "ImagePositionPatient": (3, "PlanePositionSequence"),
    "ImageOrientationPatient": (6, "PlaneOrientationSequence"),
    "PixelSpacing": (2, "PixelMeasuresSequence"),
    "SliceThickness": (1, "PixelMeasuresSequence"),
    "RescaleSlope": (1, "PixelValueTransformationSequence"),
    "RescaleIntercept": (1, "PixelValueTransformationSequence"),
}
_PIXELS = {
    "PhotometricInterpretation": "Photometric Interpretation (0028,0004)",
    "BitsAllocated": "Bits Allocated (0028,0100)",
    "BitsStored": "Bits Stored (0028,0101)",
    "PixelRepresentation": "Pixel Representation (0028,0103)",
}
_OPTIONAL = {"SliceThickness"}  # noted only


@dataclass(frozen=True)
class Plane:
    """One slice of a file: the whole image of a classic file, one frame of an Enhanced CT.

    Attributes:
        frame: 0-based frame, None for a classic file.
        position: Image Position (Patient), mm (L, P, S) of the first pixel's center.
        orientation: Image Orientation (Patient), six cosines.
        spacing: Pixel Spacing, mm (between rows, between columns).
        slope, intercept: rescale to HU; None where the header has none, nan where unusable.
        acquisition_number: (0020,0012), or that of the frame (0020,9156).
        marks, along: what else tells sets of slices apart.
    """

    frame: int | None
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    thickness: float | None
    slope: float | None
    intercept: float | None
    acquisition_number: int | None
    marks: Marks
    along: Along


@dataclass(frozen=True)
class Header:
    """What series choice, refusal and decoding need to know about one file.

    Attributes:
        file: the entry it came from, e.g. ``"/a/b.dcm"`` or ``"/a/c.zip!b.dcm"``.
        size: bytes of the file.
        syntax: transfer syntax UID.
        bits_stored, high_bit: which of the allocated bits hold the value.
        burned_in: text is burned into the pixels, by Burned In Annotation (0028,0301).
        padding: Pixel Padding Value and Range Limit, stored values; None where there is none.
        pixels: offset and length in bytes of uncompressed pixel data; None where that is not plain.
        unstated: elements without which the pixels mean nothing, in words; they are absent.
        unread: what the header states of place or values in a way that cannot be read, in words.
        repaired: what was read though it is not written as it should be, in words.
    """

    file: str
    size: int
    syntax: str
    sop_class: str | None
    sop_uid: str | None
    modality: str | None
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    padding: tuple[float, float] | None
    photometric: str | None
    lossy: bool
    burned_in: bool
    acquisition: Acquisition
    planes: tuple[Plane, ...]
    pixels: tuple[int, int] | None
    unstated: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()

    @property
    def image_type(self) -> tuple[str, ...]:
        """Image Type, of an Enhanced CT with the Frame Type of its first frame."""
        return self.planes[0].marks.image_type

    @property
    def pixel_bytes(self) -> int:
        """Bytes of the decoded pixels."""
        return self.rows * self.columns * self.frames * self.samples * (self.bits_allocated // 8)


def read_header(data: BinaryIO, file: str, size: int, first: bytes | None = None) -> Header:
    """Read a DICOM header from an open file.

    Args:
        data: seekable, at its start.
        file: the name used in errors.
        size: bytes of the file.
        first: what was read of it already, its first `HEAD_BYTES`; it need not be at its start.

    Raises:
        RefusedScan: the file cannot be parsed as DICOM.
    """
    dataset, stopped = _parse_header(data, file, data.read(HEAD_BYTES) if first is None else first)
    try:
        with warnings.catch_warnings():  # values are parsed when they are asked for
            warnings.simplefilter("ignore")
            return _record(dataset, file, size, stopped)
    except Exception as error:
        raise_of_machine(error)
        raise RefusedScan(
            f"its DICOM header makes no sense ({type(error).__name__})",
            where=file,
            fix="export the file again from the PACS",
        ) from error


def _parse_header(data: BinaryIO, file: str, first: bytes) -> tuple[Dataset, BinaryIO]:
    """The header, and the stream that the parser stopped in.

    The parser asks for its position at every element, which memory answers faster than a file.
    """
    if first[128:132] == b"DICM" and first.startswith(PROGRAMS):
        raise RefusedScan(
            "it begins like a program (its preamble is that of an executable file)",
            where=file,
            fix="export it again from the PACS, and have the source checked",
        )
    head = io.BytesIO(first)
    if len(first) < HEAD_BYTES:
        return parse(head, file, stop_before_pixels=True, tags=TAGS), head
    with contextlib.suppress(RefusedScan):  # it may end within an element
        dataset = parse(head, file, stop_before_pixels=True, tags=TAGS)
        stop = head.tell()
        if first[stop : stop + 4] in _PIXEL_DATA and stop + 12 <= HEAD_BYTES:
            return dataset, head
    data.seek(0)
    return parse(data, file, stop_before_pixels=True, tags=TAGS), data


def parse(
    data: BinaryIO,
    file: str,
    *,
    stop_before_pixels: bool = False,
    tags: list[BaseTag] | None = None,
) -> Dataset:
    """pydicom's parser with a cap on inflation and one kind of error.

    Raises:
        RefusedScan: anything the parser trips over.
    """
    check_deflated(data, file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(
                data, force=True, stop_before_pixels=stop_before_pixels, specific_tags=tags
            )
    except Exception as error:
        raise_of_machine(error)
        raise RefusedScan(
            f"it cannot be read as DICOM ({type(error).__name__}: cut off or damaged)",
            where=file,
            fix="copy or export the file again",
        ) from error


def _record(dataset: Dataset, file: str, size: int, data: BinaryIO) -> Header:
    meta = getattr(dataset, "file_meta", NOTHING)
    syntax = text(meta, "TransferSyntaxUID") or _guess_syntax(dataset)
    planes = _planes(dataset)
    first = planes[0]
    shared = item(dataset, "SharedFunctionalGroupsSequence")
    per_frame = value(dataset, "PerFrameFunctionalGroupsSequence") or ()
    doubts = _doubts(dataset, shared, per_frame, planes)
    return Header(
        file=file,
        size=size,
        syntax=syntax,
        sop_class=text(dataset, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID"),
        sop_uid=text(dataset, "SOPInstanceUID"),
        modality=text(dataset, "Modality"),
        rows=int(value(dataset, "Rows") or 0),
        columns=int(value(dataset, "Columns") or 0),
        frames=int(value(dataset, "NumberOfFrames") or 1),
        samples=int(value(dataset, "SamplesPerPixel") or 1),
        bits_allocated=int(value(dataset, "BitsAllocated") or 0),
        bits_stored=int(value(dataset, "BitsStored") or 0),
        high_bit=int(value(dataset, "HighBit") or 0),
        signed=value(dataset, "PixelRepresentation") == 1,
        padding=_padding(dataset),
        photometric=text(dataset, "PhotometricInterpretation"),
        lossy=_is_lossy(text(dataset, "LossyImageCompression"), syntax),
        burned_in=(text(dataset, "BurnedInAnnotation") or "").upper() == "YES",
        acquisition=acquisition(dataset, first.thickness, first.marks.kernel, first.marks.kvp),
        planes=planes,
        pixels=_pixel_data(data, dataset) if syntax in NATIVE else None,
        unstated=tuple(words for keyword, words in _PIXELS.items() if not text(dataset, keyword)),
        unread=tuple(words for read, words in doubts if not read),
        repaired=tuple(words for read, words in doubts if read),
    )


def _doubts(
    dataset: Dataset, shared: Dataset, per_frame: Sequence[Dataset], planes: tuple[Plane, ...]
) -> list[tuple[bool, str]]:
    """How numbers are written, of a classic file, of the first frame and of incomplete frames."""
    frames = [f for f, plane in zip(per_frame, planes, strict=False) if _incomplete(plane)]
    found: dict[str, bool] = {}
    for frame in [*per_frame[:1], *frames[:1]] if per_frame else [NOTHING]:
        groups = Groups(dataset, shared, frame)
        for keyword, (count, sequence) in _NUMBERS.items():
            told = doubt(groups.find(sequence, keyword), keyword, count)
            if told:
                found[told[1]] = told[0] or keyword in _OPTIONAL
    return [(read, words) for words, read in found.items()]


def _incomplete(plane: Plane) -> bool:
    stated = (plane.position, plane.orientation, plane.spacing)
    return None in stated or math.isnan(plane.slope or 0) or math.isnan(plane.intercept or 0)


def _padding(dataset: Dataset) -> tuple[float, float] | None:
    first = number(dataset, "PixelPaddingValue")
    if first is None:
        return None
    last = number(dataset, "PixelPaddingRangeLimit")
    return first, first if last is None else last


def _pixel_data(data: BinaryIO, dataset: Dataset) -> tuple[int, int] | None:
    """Of native pixels, at which the parser stopped."""
    if value(dataset, "PixelRepresentation") not in (0, 1):
        return None
    implicit, little = dataset.original_encoding
    start = data.tell()
    return pixel_data(start, data.read(12), bool(implicit), bool(little))


def pixel_data(start: int, head: bytes, implicit: bool, little: bool) -> tuple[int, int] | None:
    """Offset and length in bytes of what native Pixel Data (7FE0,0010) holds; None if not plain.

    Args:
        start: offset of the element.
        head: its first 12 bytes.
        implicit: whether the data set has no VRs.
        little: whether it is little endian.
    """
    if head[:4] != _PIXEL_DATA[little]:
        return None
    # by its own form: the parser reads explicit elements under an implicit syntax, too
    if head[4:6] in (b"OB", b"OW"):
        at, raw = 12, head[8:]
    elif implicit:
        at, raw = 8, head[4:8]
    else:
        return None
    length = int.from_bytes(raw, "little" if little else "big")
    return None if length == _UNDEFINED else (start + at, length)


def _is_lossy(stated: str | None, syntax: str) -> bool:
    """As the header says; JPEG 2000 and JPEG-LS may be lossless under a lossy syntax."""
    return stated == "01" or (stated != "00" and syntax in LOSSY)


def _planes(dataset: Dataset) -> tuple[Plane, ...]:
    per_frame = value(dataset, "PerFrameFunctionalGroupsSequence") or ()
    if not per_frame:
        return (_classic_plane(dataset),)
    shared = item(dataset, "SharedFunctionalGroupsSequence")
    frames = [Groups(dataset, shared, frame) for frame in per_frame]
    mixed = frames_differ(frames)
    return tuple(_frame_plane(frame, index, mixed) for index, frame in enumerate(frames))


def _frame_plane(groups: Groups, index: int, mixed: bool) -> Plane:
    acquired = groups.number("FrameContentSequence", "FrameAcquisitionNumber")
    return Plane(
        frame=index,
        position=groups.floats("PlanePositionSequence", "ImagePositionPatient"),
        orientation=groups.floats("PlaneOrientationSequence", "ImageOrientationPatient"),
        spacing=groups.floats("PixelMeasuresSequence", "PixelSpacing"),
        thickness=groups.number("PixelMeasuresSequence", "SliceThickness"),
        slope=_rescale(
            groups.find("PixelValueTransformationSequence", "RescaleSlope"), "RescaleSlope"
        ),
        intercept=_rescale(
            groups.find("PixelValueTransformationSequence", "RescaleIntercept"), "RescaleIntercept"
        ),
        acquisition_number=None if acquired is None else int(acquired),
        marks=frame_marks(groups, mixed),
        along=frame_along(groups, index),
    )


def _classic_plane(dataset: Dataset) -> Plane:
    acquired = number(dataset, "AcquisitionNumber")
    return Plane(
        frame=None,
        position=floats(dataset, "ImagePositionPatient"),
        orientation=floats(dataset, "ImageOrientationPatient"),
        spacing=floats(dataset, "PixelSpacing"),
        thickness=number(dataset, "SliceThickness"),
        slope=_rescale(dataset, "RescaleSlope"),
        intercept=_rescale(dataset, "RescaleIntercept"),
        acquisition_number=None if acquired is None else int(acquired),
        marks=classic_marks(dataset),
        along=classic_along(dataset),
    )


def _rescale(dataset: Dataset, keyword: str) -> float | None:
    """A number; None where absent, nan where it is stated but is no usable number."""
    found = number(dataset, keyword)
    if found is None and has(dataset, keyword) and dataset.get_item(keyword).value:
        return math.nan
    return found


def _guess_syntax(dataset: Dataset) -> str:
    """Transfer syntax of a file without meta information, as the parser found it."""
    implicit, little = dataset.original_encoding
    if implicit:
        return "1.2.840.10008.1.2"
    return "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
