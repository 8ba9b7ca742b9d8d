"""Traps of objects: files that are DICOM but no axial CT, and CT in another guise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    EnhancedCTImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
)

from tests.helpers.ct.dicom_files import UID, save, set_pixels
from tests.helpers.traps.scan import Scan, brighter, scan, store, stored_slice
from tests.helpers.traps.trap import Trap

ORIGINAL = ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")


def _beside(folder: Path, **header: object) -> Scan:
    """A readable series, and another of the same study with these header elements."""
    whole = scan()
    store(folder, whole, series=f"{UID}.1.2")
    store(folder / "other", brighter(whole), series=f"{UID}.1.1", **header)
    return whole


def _secondary_capture(folder: Path) -> Scan:
    return _beside(folder, SOPClassUID=SecondaryCaptureImageStorage, Modality="CT",
                   BurnedInAnnotation="YES", ImageType=["DERIVED", "SECONDARY"])  # fmt: skip


def _screen_save(folder: Path) -> Scan:
    return _beside(folder, ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])


def _burned_in(folder: Path) -> Scan:
    return _beside(folder, BurnedInAnnotation="YES")


def _perfusion(folder: Path) -> Scan:
    return _beside(folder, ImageType=["DERIVED", "PRIMARY", "AXIAL", "CBF"])


def _projection(folder: Path) -> Scan:
    return _beside(folder, ImageType=["DERIVED", "SECONDARY", "AXIAL", "MIP"])


def _axial_reformat(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, ImageType=["DERIVED", "SECONDARY", "REFORMATTED"])
    return whole


def _pet(folder: Path) -> Scan:
    return _beside(folder, SOPClassUID=PositronEmissionTomographyImageStorage, Modality="PT")


def _mr(folder: Path) -> None:
    store(folder, scan(), SOPClassUID=MRImageStorage, Modality="MR", intercept=0, signed=True)


def item(**elements: object) -> Dataset:
    """One item of a sequence."""
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def multi_frame(
    what: Scan, frame_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")
) -> Dataset:
    """All slices in one Enhanced CT: geometry and rescale in functional groups."""
    ds = stored_slice(what, 0)
    ds.SOPClassUID, ds.NumberOfFrames = EnhancedCTImageStorage, len(what.hu)
    ds.ImageType = list(frame_type)
    set_pixels(ds, (what.hu.astype(int) + 1024).astype(np.uint16))
    for keyword in ("RescaleSlope", "RescaleIntercept", "SliceThickness", "ConvolutionKernel",
                    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):  # fmt: skip
        delattr(ds, keyword)
    orientation = [round(float(v), 8) for v in what.orientation.ravel()]
    measures = item(PixelSpacing=list(what.spacing), SliceThickness=5)
    values = item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
    ds.SharedFunctionalGroupsSequence = Items([item(
        PixelMeasuresSequence=Items([measures]),
        PlaneOrientationSequence=Items([item(ImageOrientationPatient=orientation)]),
        PixelValueTransformationSequence=Items([values]),
        CTImageFrameTypeSequence=Items([item(FrameType=list(frame_type))]),
        CTReconstructionSequence=Items([item(ConvolutionKernel="H31s")]),
    )])  # fmt: skip
    ds.PerFrameFunctionalGroupsSequence = Items(
        [_frame(origin, i) for i, origin in enumerate(what.origins)]
    )
    ds.DimensionOrganizationSequence = Items([item(DimensionOrganizationUID=f"{UID}.6")])
    ds.DimensionIndexSequence = Items([item(
        DimensionIndexPointer=0x00209057, FunctionalGroupPointer=0x00209111,
        DimensionOrganizationUID=f"{UID}.6",
    )])  # fmt: skip
    return ds


def _frame(origin: np.ndarray, index: int) -> Dataset:
    content = item(InStackPositionNumber=index + 1, StackID="1", DimensionIndexValues=[index + 1])
    position = item(ImagePositionPatient=[round(float(v), 6) for v in origin])
    return item(FrameContentSequence=Items([content]), PlanePositionSequence=Items([position]))


def _enhanced(folder: Path) -> Scan:
    whole = scan()
    save(multi_frame(whole), folder / "enhanced.dcm")
    return whole


def _enhanced_tilted(folder: Path) -> Scan:
    whole = scan(tilt=16.5)
    save(multi_frame(whole), folder / "enhanced.dcm")
    return whole


def _enhanced_disordered(folder: Path) -> Scan:
    whole = scan()
    order = np.random.default_rng(2).permutation(12)
    save(multi_frame(whole.keep(order)), folder / "enhanced.dcm")
    return whole


def _enhanced_two_passes(folder: Path) -> Scan:
    whole = scan()
    both = replace(
        whole,
        hu=np.concatenate([whole.hu, brighter(whole).hu]),
        origins=np.concatenate([whole.origins, whole.origins]),
    )
    ds = multi_frame(both)
    for i, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        frame.FrameContentSequence[0].FrameAcquisitionNumber = 1 + i // 12
    save(ds, folder / "enhanced.dcm")
    return whole


def _enhanced_map(folder: Path) -> None:
    kind = ("DERIVED", "PRIMARY", "PERFUSION", "RCBF")
    save(multi_frame(scan(), kind), folder / "map.dcm")


OBJECTS = (
    Trap(
        "secondary_capture", "a secondary capture with Modality CT and burned-in text",
        "leaves it out by its SOP class and reads the series",
        _secondary_capture, ("a secondary capture (screen or dose page), not a CT image",),
    ),
    Trap(
        "screen_save", "a screen save that is stored as CT",
        "leaves it out by its image type", _screen_save, ("a screen save or dose page",),
    ),
    Trap(
        "burned_in", "a CT series with text burned into its pixels, which the header says",
        "leaves it out, as text is no tissue and may name the patient, and reads the other series",
        _burned_in, ("text is burned into its pixels",),
    ),
    Trap(
        "perfusion_map", "a perfusion map stored as CT, one file a slice",
        "leaves the map out and reads the series",
        _perfusion, ("a derived map (cbf), not in HU",),
    ),
    Trap(
        "projection", "a maximum intensity projection beside the series",
        "leaves it out by its image type", _projection, ("a projection or rendering (mip)",),
    ),
    Trap(
        "axial_reformat", "an axial reformat, ImageType DERIVED SECONDARY",
        "reads it with a note, as sites keep nothing else",
        _axial_reformat, ("a derived series (ImageType DERIVED)",),
    ),
    Trap(
        "pet_beside_ct", "a PET series on the same slices",
        "leaves it out by its SOP class", _pet, ("not a CT image",),
    ),
    Trap("mr", "an MR series", "refuses: MR, not a CT image", _mr, ("(MR), not a CT image",)),
    Trap(
        "enhanced", "enhanced multi-frame CT: all slices in one file",
        "reads each frame with its functional groups", _enhanced,
    ),
    Trap(
        "enhanced_tilted", "enhanced multi-frame CT of a tilted gantry",
        "keeps the sheared frames with their true positions and notes the tilt",
        _enhanced_tilted, ("gantry tilt of 16.5 degrees",),
    ),
    Trap(
        "enhanced_disordered", "enhanced multi-frame CT whose frames are in no order",
        "sorts the frames by position", _enhanced_disordered,
    ),
    Trap(
        "enhanced_two_passes", "enhanced multi-frame CT with two passes over the same slices",
        "takes the passes apart by acquisition number and reads the first of equals",
        _enhanced_two_passes, ("series chosen: best of 2 series",),
    ),
    Trap(
        "enhanced_map", "a perfusion map as enhanced multi-frame CT",
        "refuses: a derived map", _enhanced_map, ("a derived map (perfusion), not in HU",),
    ),
)  # fmt: skip
