"""One head, of which an element varies from slice to slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from tests.helpers.ct.dicom_files import UID, save
from tests.helpers.traps.objects import multi_frame
from tests.helpers.traps.scan import Scan, scan, store

Vary = Callable[[Dataset, int, int], None]
SLICES = 14


def _values(keyword: str, *values: object) -> Vary:
    """The value of a slice by what it drew; None takes the element out."""

    def vary(ds: Dataset, drawn: int, index: int) -> None:
        value = values[drawn % len(values)]
        if value is None:
            del ds[keyword]
        else:
            setattr(ds, keyword, value)

    return vary


def _each(keyword: str, written: Callable[[int], object]) -> Vary:
    """A value of each slice's own."""
    return lambda ds, drawn, index: setattr(ds, keyword, written(index))


AXIAL = ["ORIGINAL", "PRIMARY", "AXIAL"]
SPACING = (3.49949, 3.49951)
VARYING: dict[str, Vary] = {
    "kernel absent": _values("ConvolutionKernel", "H31s", None),
    "kernel": _values("ConvolutionKernel", "H31s", "H60s", "H45s"),
    "second value of the kernel": _values(
        "ConvolutionKernel", ["Hr38f", "1"], ["Hr38f", "2"], ["Hr38f", "3"]
    ),
    "rounded pixel spacing": lambda ds, drawn, index: setattr(
        ds, "PixelSpacing", [SPACING[drawn % 2]] * 2
    ),
    "slice thickness": _values("SliceThickness", 5, 4.98, 5.02),
    "slice thickness absent": _values("SliceThickness", 5, None),
    "image type": _values("ImageType", AXIAL, [*AXIAL, "REFERENCE"], ["DERIVED", *AXIAL[1:]]),
    "acquisition number": _values("AcquisitionNumber", 1, 2, 3),
    "acquisition number absent": _values("AcquisitionNumber", 1, None),
    "acquisition time": _values("AcquisitionTime", "101500", "101501", "101502"),
    "irradiation event": _values("IrradiationEventUID", f"{UID}.8.1", f"{UID}.8.2"),
    "an irradiation event each": _each("IrradiationEventUID", lambda n: f"{UID}.8.{n + 1}"),
    "kV": _values("KVP", 120, 140),
    "description": _values("SeriesDescription", "HEAD 5.0", "HEAD 5.0 H31s"),
    "contrast agent": _values("ContrastBolusAgent", "NONE", ""),
    "filter": _values("FilterType", "HEAD", "BODY"),
    "reconstruction diameter": _values("ReconstructionDiameter", 250, 250.1),
    "tube current": _values("XRayTubeCurrent", 180, 190, 200),
    "frame of reference": _values("FrameOfReferenceUID", f"{UID}.5", f"{UID}.6"),
    "a frame of reference each": _each("FrameOfReferenceUID", lambda n: f"{UID}.5.{n + 1}"),
    "patient ID absent": _values("PatientID", "P1", ""),
    "series UID": _values("SeriesInstanceUID", *(f"{UID}.1.{n}" for n in (1, 2, 3))),
    "a series UID each": _each("SeriesInstanceUID", lambda n: f"{UID}.1.{n + 1}"),
}


def varied(folder: Path, vary: Vary, drawn: Sequence[int]) -> Scan:
    """Write a head whose slices drew these numbers."""
    whole = scan(len(drawn), spacing=(SPACING[0], SPACING[0]))

    def edit(index: int, ds: Dataset) -> None:
        vary(ds, drawn[index], index)

    store(folder, whole, edit=edit)
    return whole


def _frame(sequence: str, keyword: str, *values: object) -> Vary:
    def vary(frame: Dataset, drawn: int, index: int) -> None:
        if sequence not in frame:
            setattr(frame, sequence, Items([Dataset()]))
        setattr(getattr(frame, sequence)[0], keyword, values[drawn % len(values)])

    return vary


VOLUME = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
VARYING_FRAMES: dict[str, Vary] = {
    "kernel": _frame("CTReconstructionSequence", "ConvolutionKernel", "H31s", "H60s"),
    "frame type": _frame(
        "CTImageFrameTypeSequence", "FrameType", VOLUME, ["DERIVED", *VOLUME[1:3], "RESAMPLED"]
    ),
    "acquisition number": _frame("FrameContentSequence", "FrameAcquisitionNumber", 1, 2, 3),
    "kV": _frame("CTXRayDetailsSequence", "KVP", 120, 140),
}


def varied_frames(folder: Path, vary: Vary, drawn: Sequence[int]) -> Scan:
    """The same as one Enhanced CT."""
    whole = scan(len(drawn))
    ds = multi_frame(whole)
    for index, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        vary(frame, drawn[index], index)
    folder.mkdir(parents=True, exist_ok=True)
    save(ds, folder / "enhanced.dcm")
    return whole


def same(one: Scan, hu: np.ndarray, origins: np.ndarray) -> bool:
    """Whether what was read is what was scanned, to the voxel."""
    return np.array_equal(one.hu, hu) and bool(np.allclose(one.origins, origins, atol=1e-3))
