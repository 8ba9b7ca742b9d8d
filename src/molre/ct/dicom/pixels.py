"""Stored pixel values to Hounsfield units: decode, rescale, padding to air, clamp.

Uncompressed pixels are taken from the file's bytes; whatever is not plain goes to the decoders.
"""

from __future__ import annotations

import io
import sys
import warnings
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from molre.ct.dicom.compressed import damaged, decode, in_frames
from molre.ct.dicom.header import Header, Plane, parse
from molre.ct.dicom.remarks import Remarks
from molre.ct.dicom.syntax import BIG_ENDIAN, DECODERS
from molre.ct.dicom.unused_bits import as_stored, is_within, misplaced, values
from molre.ct.files.entries import Entries
from molre.ct.volume import AIR, HU_MAX, HU_MIN
from molre.errors import RefusedScan, raise_of_machine

SAMPLED = 64  # rows and columns of a slice that its scale is judged by
PADDING_IS_DARK = -500  # HU; padding values above could be tissue, so only the border's is padding
NO_METAL = 20_000  # HU; nothing is as dense
_ALIGNED = 16  # bytes that pixels may be padded to a multiple of


@dataclass(frozen=True)
class Slice:
    """What was done to bring one slice to HU.

    Attributes:
        padded: pixels that were padding or below -1024 and became air.
        saturated: pixels at or above 3071.
        lowest: HU, before padding and clamping.
        sample: HU of a part of the pixels, flat, before clamping; declared padding left out.
    """

    padded: int
    saturated: int
    lowest: int
    sample: np.ndarray


def stored_values(
    header: Header,
    entries: Entries,
    remarks: Remarks | None = None,
    room: np.ndarray | None = None,
) -> np.ndarray:
    """Stored values of all frames of a file, int (frames, rows, columns).

    Args:
        header: of the file.
        entries: open.
        remarks: grows by what is to be said.
        room: an array that is no longer needed, e.g. of the slice before; written over if it fits.

    Raises:
        RefusedScan: the file is cut off or damaged, or a decoder cannot read it.
    """
    remarks = Remarks() if remarks is None else remarks
    known = header.photometric == "MONOCHROME2" and header.samples == 1
    known = known and 0 < header.bits_stored <= header.bits_allocated in (16, 32)
    if known and header.pixels:
        return values(_native(header, *header.pixels, entries, room), header, remarks)
    dataset = parse(io.BytesIO(entries.read(header.file)), header.file)
    if header.syntax in DECODERS:
        return decode(dataset, header, remarks)
    return values(_by_pydicom(dataset, header), header, remarks)


def _native(
    header: Header, offset: int, length: int, entries: Entries, room: np.ndarray | None
) -> np.ndarray:
    """All allocated bits of uncompressed pixels, from the file's bytes."""
    _check_native(header, length, header.size - offset)
    kind = np.dtype(f"{'i' if header.signed else 'u'}{header.bits_allocated // 8}")
    shape = (header.frames, header.rows, header.columns)
    fits = room is not None and room.shape == shape and room.dtype == kind
    stored = room if room is not None and fits else np.empty(shape, kind)
    stream, _ = entries.open(header.file)
    with stream:
        stream.seek(offset)
        there = stream.readinto(stored.data.cast("B"))  # type: ignore[attr-defined]
    if there < header.pixel_bytes:
        raise _cut_off(header, there)
    if (header.syntax == BIG_ENDIAN) == (sys.byteorder == "little"):
        stored.byteswap(inplace=True)
    return stored


def _check_native(header: Header, length: int, rest: int) -> None:
    """Length by the header of the pixel data, and bytes up to the end of the file."""
    if uncertain := misplaced(header):
        raise uncertain
    there = min(length, rest)
    if there < header.pixel_bytes:
        raise _cut_off(header, max(there, 0))
    if there >= header.pixel_bytes // header.frames * (header.frames + 1):
        raise RefusedScan(
            f"its pixels are {length} bytes, more than {header.frames} frames of "
            f"{header.rows} x {header.columns}",
            where=header.file,
            fix="export the file again",
        )
    surplus = there - header.pixel_bytes
    value = header.pixel_bytes // (header.frames * header.rows * header.columns)
    # a header that states a side too short shears the image; padding is no whole row or column
    sides = (header.rows, header.columns)
    if surplus > _ALIGNED and any(surplus % (side * header.frames * value) == 0 for side in sides):
        raise RefusedScan(
            f"its pixels are {there} bytes, whole rows or columns more than the {header.rows} x "
            f"{header.columns} that Rows and Columns (0028,0010), (0028,0011) state",
            where=header.file,
            fix="export the file again",
        )


def _cut_off(header: Header, there: int) -> RefusedScan:
    return RefusedScan(
        f"its pixels are damaged or cut off: {there} of {header.pixel_bytes} bytes",
        where=header.file,
        fix="copy or export the file again",
    )


def _by_pydicom(dataset: Dataset, header: Header) -> np.ndarray:
    """Uncompressed or deflated values that are not plain, by pydicom."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
                _name_syntax(dataset, header.syntax)
            there, in_pieces = len(dataset.PixelData), dataset["PixelData"].is_undefined_length
            stored = pixel_array(dataset, raw=True, correct_unused_bits=False)
    except Exception as error:
        raise_of_machine(error)
        raise damaged(header, type(error).__name__) from error
    if in_pieces:
        raise damaged(header, "in pieces, which its transfer syntax does not allow")
    _check_native(header, there, there)
    return np.array(in_frames(stored, header))


def to_hu(
    stored: np.ndarray, plane: Plane, padding: tuple[float, float] | None, out: np.ndarray
) -> Slice:
    """One slice's stored values in HU; padding becomes air before anything else sees it.

    Args:
        stored: int (rows, columns).
        plane: its own slope and intercept (they may differ from slice to slice).
        padding: Pixel Padding Value (0028,0120) and Range Limit (0028,0121), if there is any.
        out: int16 (rows, columns), filled with HU in [-1024, 3071].
    """
    slope = 1.0 if plane.slope is None else plane.slope
    intercept = float(plane.intercept or 0.0)
    if slope == 1.0 and intercept == int(intercept):
        low, high = int(stored.min()) + int(intercept), int(stored.max()) + int(intercept)
        short = min(low, intercept) >= -(1 << 15) and max(high, intercept) < 1 << 15
        if short and padding is None and low >= HU_MIN and high < HU_MAX:  # nothing to clamp
            np.add(stored, np.int16(intercept), out=out, dtype=np.int16, casting="unsafe")
            return Slice(0, 0, low, sampled(out).ravel())
        kind = np.int16 if short else np.int32
        hu = np.add(stored, kind(intercept), dtype=kind, casting="unsafe")
        lowest = low if short else int(hu.min())
        below = short and padding is not None and _last(padding, stored) + intercept < HU_MIN
    else:
        hu = np.rint(stored.astype(np.float32) * np.float32(slope) + np.float32(intercept))
        lowest, below = int(hu.min()), False
    sample = _without(padding, stored, hu)
    outside = hu < HU_MIN
    if below:
        padding = None  # all of it lies outside as it is
    if padding is not None:
        outside |= _only_border(is_within(stored, padding), hu)
        hu[outside] = AIR
    saturated = int(np.count_nonzero(hu >= HU_MAX))
    out[:] = np.clip(hu, HU_MIN, HU_MAX, out=hu)  # what lies below becomes air as well
    return Slice(int(np.count_nonzero(outside)), saturated, lowest, sample)


def _without(padding: tuple[float, float] | None, stored: np.ndarray, hu: np.ndarray) -> np.ndarray:
    """A part of the pixels, those left out that hold padding."""
    sample = sampled(hu)
    return sample.flatten() if padding is None else sample[~is_within(sampled(stored), padding)]


def sampled(image: np.ndarray) -> np.ndarray:
    """Rows and columns at even distances."""
    rows, columns = image.shape
    down, across = max(1, rows // SAMPLED), max(1, columns // SAMPLED)
    return image[down // 2 :: down, across // 2 :: across]


def _last(padding: tuple[float, float], stored: np.ndarray) -> int:
    """The largest value that is padding."""
    return max(as_stored(limit, stored) for limit in padding)


def _only_border(padding: np.ndarray, hu: np.ndarray) -> np.ndarray:
    """A padding value in the range of tissue (0 HU is water) counts only around the image."""
    if not padding.any() or hu[padding].max() <= PADDING_IS_DARK or hu[padding].min() > NO_METAL:
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
