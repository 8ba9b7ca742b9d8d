"""Traps of geometry: where the slices really are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from tests.helpers.ct.dicom_files import TURNS
from tests.helpers.traps.scan import Scan, scan, store
from tests.helpers.traps.trap import Trap


def _tilt(folder: Path) -> Scan:
    whole = scan(tilt=-16.5)
    store(folder, whole, GantryDetectorTilt=16.5)
    return whole


def _tilt_and_gaps(folder: Path) -> Scan:
    whole = scan(step=[4.0] * 6 + [1.08] + [7.0] * 6, tilt=18.5)

    def thickness(index: int, ds: Dataset) -> None:
        ds.SliceThickness = 4 if index < 7 else 7

    store(folder, whole, edit=thickness, GantryDetectorTilt=18.5)
    return whole


def _missing(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole)[5].unlink()
    return whole.keep([*range(5), *range(6, 12)])


def _uneven(folder: Path) -> Scan:
    whole = scan(step=[3.0] * 6 + [6.0] * 6)

    def thickness(index: int, ds: Dataset) -> None:
        ds.SliceThickness = 3 if index < 6 else 6

    store(folder, whole, edit=thickness)
    return whole


def _oblique(folder: Path) -> Scan:
    whole = scan(pitch=20)
    store(folder, whole)
    return whole


def _too_oblique(folder: Path) -> None:
    store(folder, scan(pitch=40))


def _coronal(folder: Path) -> None:
    store(folder, scan(pitch=85), ImageType=["DERIVED", "SECONDARY", "REFORMATTED"])


def _prone(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, turn=TURNS["head first prone"], PatientPosition="HFP")
    return whole


def _feet_first(folder: Path) -> Scan:
    whole = scan()
    names = [f"{99 - i}.dcm" for i in range(12)]
    store(folder, whole, turn=TURNS["feet first supine"], names=names, PatientPosition="FFS")
    return whole


def _decubitus(folder: Path) -> Scan:
    whole = scan(spacing=(3.0, 4.0))
    store(folder, whole, turn=TURNS["decubitus left"], PatientPosition="HFDL")
    return whole


def _names_shuffled(folder: Path) -> Scan:
    whole = scan()
    order = np.random.default_rng(3).permutation(12)

    def number(index: int, ds: Dataset) -> None:
        ds.InstanceNumber = int(order[index]) + 1

    names = [f"IM{int(i):04d}" for i in np.random.default_rng(4).permutation(12)]
    store(folder, whole, names=names, edit=number)
    return whole


def _tags_that_lie(folder: Path) -> Scan:
    whole = scan()

    def lie(index: int, ds: Dataset) -> None:
        ds.SliceLocation, ds.SpacingBetweenSlices = -3.0 * index, 7.0
        ds.GantryDetectorTilt, ds.PatientPosition = 12.0, "FFP"

    store(folder, whole, edit=lie)
    return whole


def _pixels_not_square(folder: Path) -> Scan:
    whole = scan(spacing=(4.0, 3.0))
    store(folder, whole)
    return whole


def _no_position(folder: Path) -> None:
    def forget(index: int, ds: Dataset) -> None:
        del ds.ImagePositionPatient

    store(folder, scan(), edit=forget)


def _decimal_comma(folder: Path) -> Scan:
    whole = scan(spacing=(4.25, 4.25))
    keywords = (
        "PixelSpacing",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "RescaleIntercept",
    )

    def comma(index: int, ds: Dataset) -> None:
        for keyword in keywords:
            words = str(ds[keyword].value).strip("[]").replace(", ", "\\").replace(".", ",")
            _put(ds, keyword, "DS", words)

    store(folder, whole, edit=comma)
    return whole


def _grouped_intercept(folder: Path) -> None:
    store(folder, scan(), edit=lambda index, ds: _put(ds, "RescaleIntercept", "DS", "-1,024"))


def _other_vr(folder: Path) -> Scan:
    whole = scan()
    kinds = ("UT", "LT", "OB", "UN", "SH")
    store(folder, whole, edit=lambda i, ds: _put(ds, "PixelSpacing", kinds[i % 5], "4.0\\4.0"))
    return whole


def _put(ds: Dataset, keyword: str, kind: str, words: str) -> None:
    """An element as it lies in a file, whatever the standard says."""
    data = words.encode() + b" " * (len(words) % 2)
    tag = Tag(keyword)
    ds[tag] = RawDataElement(tag, kind, len(data), data, 0, False, True)


WHERE = (
    Trap(
        "tilt", "tilted gantry, 16.5 degrees; the tilt tag has the other sign",
        "keeps the sheared slices with their true positions and notes the tilt",
        _tilt, ("gantry tilt of 16.5 degrees",),
    ),
    Trap(
        "tilt_and_gaps", "tilt of 18.5 degrees, and steps of 4, 1.08 and 7 mm",
        "keeps every slice at its own position and notes tilt and steps",
        _tilt_and_gaps, ("gantry tilt of 18.5 degrees", "uneven slice steps, 1.08 to 7.00 mm"),
    ),
    Trap(
        "missing_slice", "one slice of 12 missing",
        "keeps the others where they are and says between which two slices it is missing; "
        "`missing=\"refuse\"` refuses",
        _missing, ("1 slice missing between slice 5 and 6 of 11: a step of 10.00 mm",),
    ),
    Trap(
        "uneven_steps", "slices of 3 mm at the base, of 6 mm above",
        "keeps each slice at its own position and notes the steps",
        _uneven, ("uneven slice steps, 3.00 to 6.00 mm",),
    ),
    Trap(
        "oblique", "slices 20 degrees off axial, not sheared",
        "reads them as they lie and notes the angle",
        _oblique, ("20 degrees off axial",),
    ),
    Trap(
        "too_oblique", "slices 40 degrees off axial",
        "refuses: more than 30 degrees off axial",
        _too_oblique, ("40 degrees off axial",),
    ),
    Trap(
        "coronal", "a coronal reformat",
        "refuses: a coronal reformat", _coronal, ("coronal reformat",),
    ),
    Trap(
        "prone", "patient prone: rows and columns run the other way",
        "turns the image by its orientation, never by the position tag", _prone,
    ),
    Trap(
        "feet_first", "feet first; file names descend",
        "turns the image by its orientation and sorts by position", _feet_first,
    ),
    Trap(
        "decubitus", "patient on the left side: rows and columns swapped, pixels not square",
        "swaps the axes and their spacing together", _decubitus,
    ),
    Trap(
        "names_shuffled", "file names and instance numbers in no order",
        "sorts by position alone", _names_shuffled,
    ),
    Trap(
        "tags_that_lie",
        "slice location, spacing between slices, tilt and patient position that are wrong",
        "believes position and orientation alone", _tags_that_lie,
    ),
    Trap(
        "pixels_not_square", "pixels of 4 by 3 mm",
        "keeps both spacings", _pixels_not_square,
    ),
    Trap(
        "no_position", "slices without a position",
        "refuses: no slice position", _no_position, ("it has no slice position (0020,0032)",),
    ),
    Trap(
        "decimal_comma", "numbers written with a decimal comma",
        "reads them, as it does where the comma cannot separate thousands, and notes it",
        _decimal_comma, ("Pixel Spacing (0028,0030) is written with a decimal comma",),
        compare=False,
    ),
    Trap(
        "grouped_intercept", "an intercept of -1,024, with a comma that may be either",
        "refuses, naming the element",
        _grouped_intercept, ("Rescale Intercept (0028,1052) is written with a comma",),
        compare=False,
    ),
    Trap(
        "other_vr", "a pixel spacing with the VR UT, LT, OB, UN or SH instead of DS",
        "reads its text, and notes the VR",
        _other_vr, ("Pixel Spacing (0028,0030) has VR UT instead of DS",),
        compare=False,
    ),
)  # fmt: skip
