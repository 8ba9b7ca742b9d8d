"""Traps of frames: an Enhanced CT whose frames are not all slices of one set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from tests.helpers.ct.dicom_files import save
from tests.helpers.traps.objects import item, multi_frame
from tests.helpers.traps.scan import Scan, brighter, scan
from tests.helpers.traps.trap import Trap

ORIGINAL = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]


def _both(one: Scan, other: Scan) -> Dataset:
    """Frames of both in one object, with a functional group of their own for type and values."""
    ds = multi_frame(
        replace(
            one,
            hu=np.concatenate([one.hu, other.hu]),
            origins=np.concatenate([one.origins, other.origins]),
        )
    )
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "MIXED"]
    shared = ds.SharedFunctionalGroupsSequence[0]
    del shared.CTImageFrameTypeSequence, shared.PixelValueTransformationSequence
    for frame in ds.PerFrameFunctionalGroupsSequence:
        frame.CTImageFrameTypeSequence = Items([item(FrameType=ORIGINAL)])
        values = item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
        frame.PixelValueTransformationSequence = Items([values])
    return ds


def _frames(ds: Dataset, count: int) -> list[Dataset]:
    return list(ds.PerFrameFunctionalGroupsSequence)[-count:]


def _iodine(folder: Path) -> Scan:
    whole = scan()
    ds = _both(whole, brighter(whole))
    for frame in _frames(ds, 12):
        frame.PixelValueTransformationSequence[0].RescaleType = "MGML"
    save(ds, folder / "enhanced.dcm")
    return whole


def _iodine_first(folder: Path) -> Scan:
    whole = scan()
    ds = _both(brighter(whole), whole)
    for frame in list(ds.PerFrameFunctionalGroupsSequence)[:12]:
        frame.CTImageFrameTypeSequence[0].FrameType = [
            "DERIVED", "PRIMARY", "VOLUME", "MAT_SPECIFIC",
        ]  # fmt: skip
    save(ds, folder / "enhanced.dcm")
    return whole


def _projections(folder: Path) -> Scan:
    whole = scan()
    between = replace(whole, origins=whole.origins + np.array([0, 0, 2.5]))
    ds = _both(whole, brighter(between))
    for frame in _frames(ds, 12):
        kind = frame.CTImageFrameTypeSequence[0]
        kind.FrameType = ["DERIVED", "PRIMARY", "VOLUME", "MAX_IP"]
        kind.VolumeBasedCalculationTechnique = "MAX_IP"
    save(ds, folder / "enhanced.dcm")
    return whole


def _localizer_last(folder: Path) -> Scan:
    whole = scan(13)
    ds = _both(whole.keep(range(12)), whole.keep([12]))
    (last,) = _frames(ds, 1)
    last.CTImageFrameTypeSequence[0].FrameType = ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]
    save(ds, folder / "enhanced.dcm")
    return whole.keep(range(12))


def _coronal_frames(folder: Path) -> Scan:
    whole = scan()
    ds = _both(whole, brighter(whole))
    ds.SharedFunctionalGroupsSequence[0].pop("PlaneOrientationSequence")
    for index, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        plane = [1, 0, 0, 0, 1, 0] if index < 12 else [1, 0, 0, 0, 0, -1]
        frame.PlaneOrientationSequence = Items([item(ImageOrientationPatient=plane)])
    save(ds, folder / "enhanced.dcm")
    return whole


def _passes_of_frames(folder: Path) -> Scan:
    whole = scan()
    moved = replace(whole, origins=whole.origins + np.array([0, 0, 0.3]))
    ds = _both(whole, brighter(moved))
    for index, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        frame.FrameContentSequence[0].FrameAcquisitionNumber = 1 + index // 12
    save(ds, folder / "enhanced.dcm")
    return whole


FRAMES = (
    Trap(
        "frames_of_iodine", "an enhanced CT with frames in HU and frames of iodine in mg/ml",
        "reads the frames in HU and counts the others",
        _iodine, ("not used: 12 frames: its values are MGML, not HU",),
    ),
    Trap(
        "frames_of_iodine_first", "the same with the maps first, told by their frame type alone",
        "reads the other frames and counts the maps",
        _iodine_first, ("not used: 12 frames: a derived map (mat_specific), not in HU",),
    ),
    Trap(
        "frames_of_projections", "original frames and maximum intensity projections between them",
        "reads the original frames and counts the projections",
        _projections, ("not used: 12 frames: a projection or rendering (max_ip)",),
    ),
    Trap(
        "localizer_frame", "an enhanced CT whose last frame is a localizer",
        "leaves the localizer out and says so",
        _localizer_last, ("not used: 1 frame: a localizer (scout), not an axial slice",),
    ),
    Trap(
        "coronal_frames", "axial and coronal frames in one enhanced CT",
        "reads the axial ones and counts the others",
        _coronal_frames, ("not used: 12 frames: its slices are 90 degrees off axial",),
    ),
    Trap(
        "passes_of_frames", "two passes in one enhanced CT, 0.3 mm apart",
        "takes them apart by the acquisition number of the frames and reads the first",
        _passes_of_frames, ("another set in the same range was left out: 12 slices",),
    ),
)  # fmt: skip
