"""Stored pixel values to Hounsfield units: decode, rescale, padding to air, clamp."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from molre.ct.acquisition import number
from molre.ct.header import Header, Plane
from molre.ct.syntax import DECODERS
from molre.ct.volume import AIR, HU_MAX, HU_MIN
from molre.errors import RefusedScan

PADDING_IS_DARK = -500  # HU; padding values above could be tissue, so only the border's is padding


@dataclass(frozen=True)
class Slice:
    """One slice in HU, with what was done to it.

    Attributes:
        hu: int16 (rows, columns), as stored in the file: not yet reordered.
        padded: pixels that were padding or below -1024 and became air.
        saturated: pixels at or above 3071.
        lowest: HU, before padding and clamping.
    """

    hu: np.ndarray
    padded: int
    saturated: int
    lowest: int


def decode(dataset: Dataset, header: Header) -> np.ndarray:
    """Stored values of all frames, int (frames, rows, columns).

    Raises:
        RefusedScan: whatever the decoder raises, Rust panics included.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
                _name_syntax(dataset, header.syntax)
            stored = pixel_array(dataset, raw=True, decoding_plugin=DECODERS.get(header.syntax, ""))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # pyo3's PanicException is no Exception
        raise RefusedScan(
            f"its pixels cannot be decoded ({type(error).__name__}: damaged, cut off or in an "
            "unknown compression)",
            where=header.file,
            fix="export the file again, uncompressed",
        ) from error
    wanted = (header.frames, header.rows, header.columns)
    if stored.size != np.prod(wanted):
        raise RefusedScan(
            f"its pixels decode to {stored.shape}, not {wanted}",
            where=header.file,
            fix="export the file again",
        )
    return stored.reshape(wanted)


def to_hu(stored: np.ndarray, plane: Plane, dataset: Dataset) -> Slice:
    """One slice's stored values in HU; padding becomes air before anything else sees it.

    Args:
        stored: int (rows, columns).
        plane: its own slope and intercept (they may differ from slice to slice).
        dataset: for Pixel Padding Value (0028,0120) and Range Limit (0028,0121).
    """
    slope = 1.0 if plane.slope is None else plane.slope
    intercept = float(plane.intercept or 0.0)
    if slope == 1.0 and intercept == int(intercept):
        hu = stored.astype(np.int32) + np.int32(intercept)
    else:
        hu = np.rint(stored.astype(np.float32) * np.float32(slope) + np.float32(intercept))
    lowest = int(hu.min())
    outside = hu < HU_MIN
    padding = _padding(stored, dataset)
    if padding is not None:
        outside |= _only_border(padding, hu)
    saturated = int(np.count_nonzero((hu >= HU_MAX) & ~outside))
    hu[outside] = AIR
    np.clip(hu, HU_MIN, HU_MAX, out=hu)
    return Slice(hu.astype(np.int16), int(np.count_nonzero(outside)), saturated, lowest)


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray | None:
    value = number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(dataset, "PixelPaddingRangeLimit")
    low, high = sorted(_as_stored(v, stored) for v in (value, value if limit is None else limit))
    return (stored >= low) & (stored <= high)


def _as_stored(value: float, stored: np.ndarray) -> int:
    """Padding written with the other signedness (63536 for -2000) as the pixels' own."""
    whole, bits = int(value), 8 * stored.dtype.itemsize
    if stored.dtype.kind == "i" and whole >= 1 << (bits - 1):
        return whole - (1 << bits)
    if stored.dtype.kind == "u" and whole < 0:
        return whole + (1 << bits)
    return whole


def _only_border(padding: np.ndarray, hu: np.ndarray) -> np.ndarray:
    """A padding value in the range of tissue (0 HU is water) counts only around the image."""
    if not padding.any() or hu[padding].max() <= PADDING_IS_DARK:
        return padding
    from scipy import ndimage

    regions, _ = ndimage.label(padding)
    border = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return np.isin(regions, np.unique(border[border > 0]))


def _name_syntax(dataset: Dataset, syntax: str) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
