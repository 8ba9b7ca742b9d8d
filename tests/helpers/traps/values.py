"""Traps of values: what a stored number means in HU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from tests.helpers.ct.dicom_files import UID, save
from tests.helpers.traps.scan import Scan, brighter, scan, store, stored_slice
from tests.helpers.traps.trap import Trap

AIR = -1024
TOP = 3071


def _field_of_view(what: Scan) -> np.ndarray:
    """Bool (row, column): pixels outside the round field of view."""
    rows, columns = what.hu.shape[1:]
    y, x = np.arange(rows) - (rows - 1) / 2, np.arange(columns) - (columns - 1) / 2
    return np.hypot(y[:, None], x[None, :]) > 0.55 * min(rows, columns)


def _with_border(what: Scan, value: int) -> Scan:
    hu = what.hu.copy()
    hu[:, _field_of_view(what)] = value
    return replace(what, hu=hu)


def _padding(folder: Path) -> Scan:
    whole = scan()
    store(folder, _with_border(whole, -1500), signed=True, intercept=0, PixelPaddingValue=-1500)
    return _with_border(whole, AIR)


def _padding_with_intercept(folder: Path) -> Scan:
    whole = scan()
    pad = _with_border(whole, -3024)  # stored -2000
    store(folder, pad, signed=True, edit=lambda i, ds: _pad(ds, -2000))
    return _with_border(whole, AIR)


def _pad(ds: Dataset, value: int) -> None:
    ds.PixelPaddingValue = value
    ds["PixelPaddingValue"].VR = "SS" if value < 0 else "US"


def _padding_wrong_sign(folder: Path) -> Scan:
    whole = scan()
    pad = _with_border(whole, -2000)
    store(folder, pad, signed=True, intercept=0, edit=lambda i, ds: _pad(ds, 63536))
    return _with_border(whole, AIR)


def _padding_untold(folder: Path) -> Scan:
    whole = scan()
    store(folder, _with_border(whole, -2000), signed=True, intercept=0)
    return _with_border(whole, AIR)


def _padding_is_water(folder: Path) -> Scan:
    """Padding 0 in HU, which brain has, too: only the border is padding."""
    whole = scan()
    hu = np.where(whole.hu == 0, 1, whole.hu).astype(np.int16)
    hu[:, 12:16, 12:16] = 0
    whole = replace(whole, hu=hu)
    store(folder, _with_border(whole, 0), signed=True, intercept=0, PixelPaddingValue=0)
    return _with_border(whole, AIR)


def _slopes(folder: Path) -> Scan:
    whole = scan()
    even = replace(whole, hu=(whole.hu // 8 * 8).astype(np.int16))
    store(folder, even, slope=[(1.0, 2.0, 4.0)[i % 3] for i in range(12)])
    return even


def _intercepts(folder: Path) -> Scan:
    whole = scan()
    for i in range(12):
        intercept = (-1024.0, -1000.0, -8192.0)[i % 3]
        ds = stored_slice(whole, i, rescale=(1.0, intercept))
        save(ds, folder / f"{i:03d}.dcm")
    return whole


def _signed(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, signed=True, intercept=0)
    return whole


def _large_unsigned(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, intercept=-32768)
    return whole


def _metal(folder: Path) -> Scan:
    whole = scan()
    hu = (whole.hu // 2 * 2).astype(np.int16)  # what a slope of 2 can hold
    hu[4, 10:13, 10:13] = 8000
    store(folder, replace(whole, hu=hu), slope=2.0)
    return replace(whole, hu=np.clip(hu, AIR, TOP).astype(np.int16))


def _spare_bits(folder: Path) -> Scan:
    """12 of 16 bits hold the value; the four above hold an overlay."""
    whole = scan()

    def spoil(index: int, ds: Dataset) -> None:
        ds.BitsStored, ds.HighBit = 12, 11
        stored = np.frombuffer(ds.PixelData, "<u2") | np.uint16(0x5000)
        ds.PixelData = stored.tobytes()

    store(folder, whole, edit=spoil)
    return whole


def _padding_beyond(folder: Path) -> Scan:
    """Padding of -2000 in unsigned pixels of 12 bits: its lowest 12 bits are 1,072 HU."""
    whole = scan()

    def pad(index: int, ds: Dataset) -> None:
        stored = np.frombuffer(ds.PixelData, "<u2").reshape(whole.hu.shape[1:]).copy()
        stored[_field_of_view(whole)] = 63536
        ds.PixelData = stored.tobytes()
        _pad(ds, -2000)

    store(folder, whole, edit=pad)
    return _with_border(whole, AIR)


def _metal_beyond(folder: Path) -> Scan:
    """Pixels of which the header states 12 bits, and metal that needs 13."""
    whole = scan()
    y, x = np.mgrid[:32, :28]
    blooming = 4500 * np.exp(-((y - 16) ** 2 + (x - 14) ** 2) / 20)
    hu = np.maximum(whole.hu, np.where(blooming > 500, blooming, -1024)).astype(np.int16)

    def state(index: int, ds: Dataset) -> None:
        ds.BitsStored, ds.HighBit = 12, 11

    store(folder, replace(whole, hu=hu), edit=state)
    return replace(whole, hu=np.clip(hu, AIR, TOP))


def _border_untold(folder: Path) -> Scan:
    whole = scan()
    store(folder, _with_border(whole, 0))
    return _with_border(whole, AIR)


def _blank(folder: Path) -> Scan:
    whole = scan()
    hu = whole.hu.copy()
    hu[5] = 0
    store(folder, replace(whole, hu=hu))
    hu[5] = AIR
    return replace(whole, hu=hu)


def _not_hu(folder: Path) -> None:
    def forget(index: int, ds: Dataset) -> None:
        del ds.RescaleIntercept, ds.RescaleSlope

    store(folder, scan(), edit=forget)


def _no_air(folder: Path) -> None:
    whole = scan()
    store(folder, replace(whole, hu=np.clip(whole.hu, 0, 200).astype(np.int16)))


def _inverted(folder: Path) -> None:
    store(folder, scan(), PhotometricInterpretation="MONOCHROME1")


def _eight_bits(folder: Path) -> None:
    def squeeze(index: int, ds: Dataset) -> None:
        stored = np.frombuffer(ds.PixelData, "<u2") // 16
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        ds.PixelData = stored.astype(np.uint8).tobytes()

    store(folder, scan(), edit=squeeze)


def _unit_is_other(folder: Path) -> Scan:
    """A series of iodine density beside the series in HU."""
    whole = scan()
    store(folder, whole, series=f"{UID}.1.2")
    store(folder / "other", brighter(whole), series=f"{UID}.1.1", RescaleType="MGML")
    return whole


VALUES = (
    Trap(
        "padding", "padding of -1500 around a round field of view",
        "makes padding air before anything is interpolated, and says how much there was",
        _padding, ("padding or below -1024 HU: now air",),
    ),
    Trap(
        "padding_rescaled", "padding stored as -2000, which the intercept makes -3024",
        "compares stored values with the padding value, before the rescale",
        _padding_with_intercept, ("padding or below -1024 HU: now air",),
    ),
    Trap(
        "padding_wrong_sign", "padding of -2000 that the header writes as 63536",
        "reads the padding value with the sign of the pixels",
        _padding_wrong_sign, ("padding or below -1024 HU: now air",),
    ),
    Trap(
        "padding_untold", "padding of -2000 that no tag tells of",
        "takes what lies below -1024 as air",
        _padding_untold, ("padding or below -1024 HU: now air",),
    ),
    Trap(
        "padding_is_water", "padding of 0 HU, a value that tissue has, too",
        "makes air only of what touches the border",
        _padding_is_water, ("padding or below -1024 HU: now air",),
    ),
    Trap(
        "padding_beyond", "padding of -2000 in pixels without a sign and of 12 bits",
        "compares all bits of a pixel with the padding value",
        _padding_beyond, ("padding or below -1024 HU: now air",), compare=False,
    ),
    Trap(
        "border_untold", "a border of 0 HU around a round field of view that no tag tells of",
        "makes air of a constant border that all four corners have, and says so",
        _border_untold, ("of the pixels are a border of 0 HU: now air",), compare=False,
    ),
    Trap(
        "blank_slice", "a slice without an image: one value, 0 HU, in all pixels",
        "makes it air and names it",
        _blank, ("slice 6 of 12 is blank (one value in all pixels): read as air",), compare=False,
    ),
    Trap(
        "slope_differs", "a rescale slope of 1, 2 or 4 from slice to slice",
        "rescales each slice with its own slope and notes it",
        _slopes, ("the rescale slope differs between slices",),
    ),
    Trap(
        "intercept_differs", "an intercept that differs from slice to slice",
        "rescales each slice with its own intercept", _intercepts,
    ),
    Trap("signed", "signed pixels, intercept 0", "reads the sign from the header", _signed),
    Trap(
        "large_unsigned", "unsigned pixels around 32,768, beyond 16 signed bits",
        "rescales in 32 bits", _large_unsigned,
    ),
    Trap(
        "metal", "metal of 8,000 HU, slope 2",
        "clamps to 3,071 HU and notes the share of saturated pixels",
        _metal, ("of the pixels are saturated (at 3071 HU or above)",),
    ),
    Trap(
        "metal_beyond", "metal that needs 13 bits where the header states 12",
        "reads all bits where the image goes on in them, and says so",
        _metal_beyond, ("values that need more bits than Bits Stored",), compare=False,
    ),
    Trap(
        "spare_bits", "12 bits stored; the four bits above hold something else",
        "masks the bits that hold no value", _spare_bits,
    ),
    Trap(
        "not_hu", "unsigned pixels without slope and intercept",
        "refuses: not in HU",
        _not_hu, ("unsigned without a negative intercept, so they are not in HU",),
    ),
    Trap(
        "no_air", "values that claim to be HU but hold no air",
        "refuses: no air, so not in HU", _no_air, ("hold no air (-1000)",),
    ),
    Trap(
        "inverted", "MONOCHROME1: inverted gray values",
        "refuses: not in HU", _inverted, ("MONOCHROME1",),
    ),
    Trap("eight_bits", "pixels of 8 bits", "refuses: cannot hold HU", _eight_bits, ("8 bits",)),
    Trap(
        "other_unit", "an iodine density series beside the one in HU",
        "leaves it out by its rescale type and reads the other",
        _unit_is_other, ("not used: 000.dcm and 11 more: its values are MGML, not HU",),
    ),
)  # fmt: skip
