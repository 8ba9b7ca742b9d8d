"""Stored pixels to Hounsfield units: decoded, padding to air, rescaled in 32 bit, clamped."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    RLELossless,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from molre.ct.header import COPY_AGAIN, read_dataset
from molre.ct.refusal import MAX_EDGE
from molre.ct.sources import Source
from molre.ct.volume import AIR, HU_MAX, HU_MIN
from molre.errors import RefusedScan

MAX_PIXELS = 2**31  # of one file, all frames
TISSUE = (-500, HU_MAX)  # a padding value in this range is only padding at the border
DECODERS = {  # named, so that what else is installed (a GPL decoder, say) changes nothing
    RLELossless: "pydicom",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGExtended12Bit: "gdcm",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
}


def read_hu(source: Source) -> tuple[np.ndarray, float]:
    """HU of one file.

    Returns:
        int16 (frames, rows, columns), clamped to [-1024, 3071] with padding as air, and the share
        of voxels that were clamped at the top (metal).

    Raises:
        RefusedScan: cut short, undecodable, or of an absurd size.
    """
    ds = read_dataset(source)
    _check_size(ds, source)
    stored = _decode(ds, source)
    frames = stored.reshape(-1, *stored.shape[-2:])
    scaled = [_to_hu(frame, *_rescale(ds, i)) for i, frame in enumerate(frames)]
    hu = np.stack([_clamp(s, frame, ds) for s, frame in zip(scaled, frames, strict=True)])
    saturated = float(np.mean([(s >= HU_MAX).mean() for s in scaled]))
    return hu, saturated


def _check_size(ds: Dataset, source: Source) -> None:
    rows, columns = int(ds.get("Rows") or 0), int(ds.get("Columns") or 0)
    frames = int(ds.get("NumberOfFrames") or 1)
    if max(rows, columns) > MAX_EDGE or rows * columns * frames > MAX_PIXELS:
        raise RefusedScan(
            f"declares {frames} x {rows} x {columns} pixels, more than any CT", where=source.name
        )
    if "PixelData" not in ds:
        raise RefusedScan("has no pixel data", where=source.name, fix=COPY_AGAIN)
    syntax = getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None)
    if syntax is None or not syntax.is_compressed:
        wanted = rows * columns * frames * int(ds.get("BitsAllocated") or 16) // 8
        if len(ds.PixelData) < wanted:
            raise RefusedScan(
                f"is cut short ({len(ds.PixelData)} of {wanted} bytes of pixels)",
                where=source.name,
                fix=COPY_AGAIN,
            )


def _decode(ds: Dataset, source: Source) -> np.ndarray:
    syntax = getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None)
    options: dict[str, Any] = {}
    if syntax in DECODERS:
        options["decoding_plugin"] = DECODERS[syntax]
    try:
        if syntax is None:  # no file meta: pydicom guessed the encoding while reading
            ds.file_meta = ds.file_meta if hasattr(ds, "file_meta") else Dataset()  # type: ignore[assignment]
            from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

            implicit = ds.original_encoding[0]
            ds.file_meta.TransferSyntaxUID = (
                ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            )
        ds.pixel_array_options(**options)
        return np.asarray(ds.pixel_array)
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # decoders in Rust raise beyond Exception
        name = getattr(syntax, "name", syntax)
        raise RefusedScan(
            f"its pixels cannot be decoded ({name}: {type(error).__name__})",
            where=source.name,
            fix=COPY_AGAIN,
        ) from None


def _rescale(ds: Dataset, frame: int) -> tuple[float, float]:
    """Slope and intercept of one frame: its own, the shared ones, or the file's."""
    holders = [ds]
    shared = ds.get("SharedFunctionalGroupsSequence")
    per_frame = ds.get("PerFrameFunctionalGroupsSequence")
    groups = [per_frame[frame]] if per_frame and frame < len(per_frame) else []
    groups += [shared[0]] if shared else []
    for group in groups:
        transform = group.get("PixelValueTransformationSequence")
        if transform:
            holders = [transform[0]]
            break
    slope, intercept = holders[0].get("RescaleSlope"), holders[0].get("RescaleIntercept")
    return (1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept))


def _to_hu(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    if slope == 1.0 and intercept == int(intercept):
        return stored.astype(np.int32) + np.int32(intercept)
    return np.rint(stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)).astype(
        np.int32
    )


def _clamp(hu: np.ndarray, stored: np.ndarray, ds: Dataset) -> np.ndarray:
    clamped = np.clip(hu, HU_MIN, HU_MAX).astype(np.int16)
    padding = _padding(hu, stored, ds)
    if padding is not None:
        clamped[padding] = AIR
    return clamped


def _padding(hu: np.ndarray, stored: np.ndarray, ds: Dataset) -> np.ndarray | None:
    """Where Pixel Padding Value (0028,0120) to Range Limit (0028,0121) says there is no image."""
    first = ds.get("PixelPaddingValue")
    if first is None:
        return None
    low = _as_stored(first, stored)
    limit = ds.get("PixelPaddingRangeLimit")
    high = low if limit is None else _as_stored(limit, stored)
    mask = (stored >= min(low, high)) & (stored <= max(low, high))
    if not mask.any():
        return None
    value = int(hu[mask].max())
    return _touching_border(mask) if TISSUE[0] < value < TISSUE[1] else mask


def _as_stored(value: Any, stored: np.ndarray) -> int:
    """Some files give a signed padding value for unsigned pixels, or the other way round."""
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], "little")
    number = int(value)
    bits = 8 * stored.dtype.itemsize
    if stored.dtype.kind == "u" and number < 0:
        return number + 2**bits
    if stored.dtype.kind == "i" and number >= 2 ** (bits - 1):
        return number - 2**bits
    return number


def _touching_border(mask: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    labels, _ = ndimage.label(mask)
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return np.isin(labels, edge[edge > 0])
