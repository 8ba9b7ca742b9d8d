"""What a DICOM file says, by pydicom and imagecodecs: slow, simple, and none of molre's code."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array

from molre.ct.volume import Volume

_JPEG, _J2K = ("57", "70"), ("90", "91", "201", "202", "203")


@dataclass(frozen=True)
class OracleSlice:
    """One slice as stored.

    Attributes:
        hu: float64 (rows, columns), clamped; padding is nan, which stands for anything.
        corners: (2, 2, 3), mm, of the first and last row and column.
    """

    hu: np.ndarray
    corners: np.ndarray


def dicom_slices(path: Path) -> list[OracleSlice]:
    """All slices of a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = dcmread(path, force=True)
        head = dcmread(path, force=True, stop_before_pixels=True)
        for tag in list(head.keys()):  # what is said again behind the pixels is no header
            ds[tag] = head.get_item(tag)
        ds.add_new("SamplesPerPixel", "US", _samples(ds))
        stored = _stored(ds).reshape(-1, int(ds.Rows), int(ds.Columns))
        frames = ds.get("PerFrameFunctionalGroupsSequence") or [Dataset()]
        shared = (ds.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
        assert len(stored) == len(frames)
        return [
            _slice(ds, shared, frame, image) for frame, image in zip(frames, stored, strict=True)
        ]


def _samples(ds: Dataset) -> int:
    try:
        return ds.get("SamplesPerPixel") or 1
    except (NotImplementedError, ValueError):  # of an unknown VR, or of another length
        return 1


def _find(sequence: str, keyword: str, *levels: Dataset) -> object:
    top, *groups = levels
    for group in groups:
        item = (group.get(sequence) or [Dataset()])[0]
        if keyword in item:
            return _value(item, keyword)
    return _value(top, keyword) if keyword in top else None


def _value(ds: Dataset, keyword: str) -> object:
    try:
        return ds[keyword].value
    except NotImplementedError:  # a VR that is not one: the bytes say the same
        return ds.get_item(keyword).value


def _numbers(value: object, count: int) -> np.ndarray:
    """As people write them: a decimal comma is a point, NULs and spaces are nothing."""
    if value is None:
        return np.full(count, np.nan)
    if isinstance(value, (str, bytes)):
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        value = [part.strip(" \0").replace(",", ".") for part in text.split("\\")]
    parts = np.atleast_1d(np.array(value, dtype=object))
    return np.array([float(str(part).strip(" \0").replace(",", ".")) for part in parts])


def _slice(ds: Dataset, shared: Dataset, frame: Dataset, stored: np.ndarray) -> OracleSlice:
    def find(sequence: str, keyword: str) -> object:
        return _find(sequence, keyword, ds, frame, shared)

    def one(keyword: str, usual: float) -> float:
        value = find("PixelValueTransformationSequence", keyword)
        return usual if value is None else float(_numbers(value, 1)[0])

    hu = stored.astype(float) * one("RescaleSlope", 1) + one("RescaleIntercept", 0)
    hu = np.clip(hu, -1024, 3071)
    if "PixelPaddingValue" in ds:
        hu[:] = np.nan
    position = _numbers(find("PlanePositionSequence", "ImagePositionPatient"), 3)
    across, down = _numbers(find("PlaneOrientationSequence", "ImageOrientationPatient"), 6).reshape(
        2, 3
    )
    spacing = _numbers(find("PixelMeasuresSequence", "PixelSpacing"), 2)
    ends = [[0, 0], [0, hu.shape[1] - 1], [hu.shape[0] - 1, 0], [s - 1 for s in hu.shape]]
    corners = [position + r * down * spacing[0] + c * across * spacing[1] for r, c in ends]
    return OracleSlice(hu, np.array(corners).reshape(2, 2, 3))


def _stored(ds: Dataset) -> np.ndarray:
    syntax = str(getattr(ds, "file_meta", {}).get("TransferSyntaxUID", ""))
    kind = syntax.removeprefix("1.2.840.10008.1.2.4.")
    if kind == syntax:
        if not syntax:
            implicit, little = ds.original_encoding
            ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2" + (
                "" if implicit else ".1" if little else ".2"
            )
        return pixel_array(ds, raw=True)
    count = int(ds.get("NumberOfFrames") or 1)
    frames = [_decode(f, kind) for f in generate_frames(ds.PixelData, number_of_frames=count)]
    image = np.stack(frames)
    if ds.PixelRepresentation == 1:
        bits = int(ds.BitsStored)
        low = image.astype(np.int64) & ((1 << bits) - 1)
        return (low ^ (1 << bits - 1)) - (1 << bits - 1)
    if kind in _JPEG:
        return image & ((1 << int(ds.BitsStored)) - 1)
    return image.astype(np.int64) & 0xFFFF


def _decode(frame: bytes, kind: str) -> np.ndarray:
    if kind in _JPEG:
        return imagecodecs.jpeg_decode(frame)
    if kind in _J2K:
        return imagecodecs.jpeg2k_decode(frame)
    return imagecodecs.jpegls_decode(frame)


def same_slices(volume: Volume, slices: list[OracleSlice]) -> None:
    """Every slice of the volume is one of these, in its place."""
    assert len(volume) <= len(slices)
    for source, hu, origin in zip(volume.source, volume.hu, volume.origins, strict=True):
        wanted = slices[source.frame or 0]
        across, down = volume.orientation
        ends = [[0, 0], [0, hu.shape[1] - 1], [hu.shape[0] - 1, 0], [s - 1 for s in hu.shape]]
        corners = np.array(
            [
                origin + r * down * volume.pixel_spacing[0] + c * across * volume.pixel_spacing[1]
                for r, c in ends
            ]
        ).reshape(2, 2, 3)
        assert any(_equal(hu, corners, turned) for turned in _turns(wanted))


def _turns(one: OracleSlice) -> list[OracleSlice]:
    """Both axes reversed or not, and swapped or not."""
    turned = []
    for swap in (False, True):
        hu, corners = (one.hu.T, one.corners.swapaxes(0, 1)) if swap else (one.hu, one.corners)
        for rows in (1, -1):
            for columns in (1, -1):
                turned.append(OracleSlice(hu[::rows, ::columns], corners[::rows, ::columns]))
    return turned


def _equal(hu: np.ndarray, corners: np.ndarray, wanted: OracleSlice) -> bool:
    if hu.shape != wanted.hu.shape:
        return False
    reach = max(1.0, np.abs(wanted.corners).max())
    if not np.allclose(corners, wanted.corners, atol=1e-2 * reach, rtol=0):
        return False
    # rescaled values are rounded in 32 bits
    return bool(np.all(np.isnan(wanted.hu) | (np.abs(hu - wanted.hu) <= 0.51)))
