"""Headers without pixels: one small frozen record per slice, from classic and enhanced CT."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from molre.ct.acquisition import read_acquisition
from molre.ct.sources import Source
from molre.ct.volume import Acquisition
from molre.errors import RefusedScan

SYNTAX_LOSSY = ("JPEGBaseline8Bit", "JPEGExtended12Bit", "JPEGLSNearLossless", "JPEG2000")


@dataclass(frozen=True)
class SliceHeader:
    """What is known of one slice (a file, or a frame of one) before its pixels are read.

    ``position`` and ``orientation`` are (0020,0032) and (0020,0037), mm and direction cosines;
    None where the header has none. ``spacing`` is (between rows, between columns), mm.
    """

    file: str
    frame: int | None
    sop_class: str
    sop_uid: str | None
    modality: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    position: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    rescale_type: str
    acquisition_number: str
    lossy: bool
    acquisition: Acquisition

    @property
    def normal(self) -> np.ndarray:
        """Unit normal (3,) of the slice; needs an orientation."""
        x, y = np.array(self.orientation[:3]), np.array(self.orientation[3:])  # type: ignore[index]
        return np.cross(x, y)


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file's first 140 bytes are DICOM, with or without the 128-byte preamble."""
    if start[128:132] == b"DICM":
        return True
    # without preamble: the first element is of group 0002 or 0008, with a plausible VR or length
    if start[:2] not in (b"\x02\x00", b"\x08\x00"):
        return False
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    length = int.from_bytes(start[4:8], "little")
    return explicit or (start[3:4] == b"\x00" and 0 < length < 1024)


def read_dataset(source: Source, stop_before_pixels: bool = False) -> Dataset:
    """A DICOM data set.

    Raises:
        RefusedScan: not readable as DICOM, or cut short.
    """
    try:
        with source.open() as stream:
            return pydicom.dcmread(stream, stop_before_pixels=stop_before_pixels, force=True)
    except RefusedScan:
        raise
    except Exception as error:  # pydicom raises many kinds on damaged bytes
        raise RefusedScan(
            f"cannot be read as DICOM ({type(error).__name__})", where=source.name, fix=COPY_AGAIN
        ) from None


COPY_AGAIN = "copy the file again from its source"


def read_headers(source: Source) -> list[SliceHeader]:
    """The slices of one file: one, or one per frame of an enhanced CT.

    Raises:
        RefusedScan: damaged, or without what every image has.
    """
    ds = read_dataset(source, stop_before_pixels=True)
    try:
        return _slices(source, ds)
    except RefusedScan:
        raise
    except Exception as error:
        raise RefusedScan(
            f"its header is damaged ({type(error).__name__})", where=source.name, fix=COPY_AGAIN
        ) from None


def _slices(source: Source, ds: Dataset) -> list[SliceHeader]:
    sop_class = str(ds.get("SOPClassUID", ""))
    if not sop_class:
        raise RefusedScan("has no SOP class, so is no DICOM image", where=source.name)
    common = {
        "file": source.name,
        "sop_class": sop_class,
        "sop_uid": _text(ds, "SOPInstanceUID") or None,
        "modality": _text(ds, "Modality"),
        "rows": int(ds.get("Rows") or 0),
        "columns": int(ds.get("Columns") or 0),
        "frames": int(ds.get("NumberOfFrames") or 1),
        "samples": int(ds.get("SamplesPerPixel") or 1),
        "photometric": _text(ds, "PhotometricInterpretation"),
        "acquisition_number": _text(ds, "AcquisitionNumber"),
        "lossy": _is_lossy(ds),
        "acquisition": read_acquisition(ds),
    }
    per_frame = ds.get("PerFrameFunctionalGroupsSequence")
    if not per_frame:
        return [SliceHeader(frame=None, **common, **_plane(ds, None, None))]
    shared = (ds.get("SharedFunctionalGroupsSequence") or [None])[0]
    return [
        SliceHeader(frame=i, **common, **_plane(ds, shared, group))
        for i, group in enumerate(per_frame)
    ]


def _plane(ds: Dataset, shared: Dataset | None, frame: Dataset | None) -> dict[str, Any]:
    """Geometry and kind, from the file or from its functional groups (PS3.3 C.7.6.16)."""

    def group(sequence: str) -> Dataset:
        for holder in (frame, shared):
            if holder is not None and holder.get(sequence):
                return holder[sequence].value[0]
        return Dataset() if frame is not None else ds

    kind = group("CTImageFrameTypeSequence").get("FrameType") or ds.get("ImageType") or ()
    return {
        "image_type": tuple(str(v).upper() for v in ([kind] if isinstance(kind, str) else kind)),
        "position": _numbers(group("PlanePositionSequence").get("ImagePositionPatient"), 3),
        "orientation": _numbers(group("PlaneOrientationSequence").get("ImageOrientationPatient"), 6),
        "spacing": _numbers(group("PixelMeasuresSequence").get("PixelSpacing"), 2),
        "rescale_type": _text(group("PixelValueTransformationSequence"), "RescaleType").upper(),
    }


def _numbers(value: Any, count: int) -> Any:
    if value is None:
        return None
    with contextlib.suppress(TypeError, ValueError):
        numbers = tuple(float(v) for v in value)
        if len(numbers) == count and np.isfinite(numbers).all():
            return numbers
    return None


def _is_lossy(ds: Dataset) -> bool:
    syntax = getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None)
    lossy_syntax = syntax is not None and getattr(syntax, "keyword", "") in SYNTAX_LOSSY[:3]
    return lossy_syntax or _text(ds, "LossyImageCompression") == "01"


def _text(ds: Dataset, keyword: str) -> str:
    value = ds.get(keyword)
    return "" if value is None else str(value).strip()
