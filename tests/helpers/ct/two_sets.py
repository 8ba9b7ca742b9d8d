"""Two sets of slices under one series UID, told apart by one element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from tests.helpers.ct.dicom_files import UID, save
from tests.helpers.traps.objects import item, multi_frame
from tests.helpers.traps.scan import Scan, brighter, scan, store

SLICES = 12
Tell = Callable[[Dataset, int, int], None]


def _value(keyword: str, *values: object) -> Tell:
    """One value a set; None takes the element out."""

    def tell(ds: Dataset, which: int, index: int) -> None:
        if values[which] is None:
            del ds[keyword]
        else:
            setattr(ds, keyword, values[which])

    return tell


def _counted(keyword: str, written: Callable[[int], object]) -> Tell:
    """A value that counts up through the first set and on through the second."""
    return lambda ds, which, index: setattr(ds, keyword, written(which * SLICES + index))


def _clock(seconds: int) -> str:
    return f"10{seconds // 60:02d}{seconds % 60:02d}.50"


ORIGINAL = ["ORIGINAL", "PRIMARY", "AXIAL"]
TELLING: dict[str, Tell] = {
    "acquisition number": _value("AcquisitionNumber", 1, 2),
    "acquisition number that counts up": _counted("AcquisitionNumber", lambda n: n + 1),
    "acquisition number a rotation": lambda ds, which, index: setattr(
        ds, "AcquisitionNumber", 1 + (which * SLICES + index) // 4
    ),
    "acquisition time": _value("AcquisitionTime", "101500", "101730.25"),
    "acquisition time that counts up": _counted("AcquisitionTime", _clock),
    "acquisition date and time": _value("AcquisitionDateTime", "20200131101500", "20200131101730"),
    "acquisition UID": _value("AcquisitionUID", f"{UID}.8.1", f"{UID}.8.2"),
    "irradiation event": _value("IrradiationEventUID", f"{UID}.8.1", f"{UID}.8.2"),
    "derived": _value("ImageType", ORIGINAL, ["DERIVED", "SECONDARY", "AXIAL"]),
    "filtered": _value("ImageType", ORIGINAL, [*ORIGINAL, "FILTERED"]),
    "kV": _value("KVP", 80, 140),
    "slice thickness": _value("SliceThickness", 5, 4),
    "kernel": _value("ConvolutionKernel", "H31s", "H60s"),
    "second value of the kernel": _value("ConvolutionKernel", ["Hr38f", "1"], ["Hr38f", "3"]),
    "absence of the kernel": _value("ConvolutionKernel", "H31s", None),
    "contrast agent": _value("ContrastBolusAgent", "", "Iomeprol"),
    "description": _value("SeriesDescription", "HEAD 5.0", "HEAD 5.0 recon 2"),
    "filter": _value("FilterType", "HEAD", "BODY"),
    "reconstruction diameter": _value("ReconstructionDiameter", 250, 230),
    "temporal position": _value("TemporalPositionIdentifier", 1, 2),
    "trigger time": _value("TriggerTime", 0, 1500),
    "frame of reference": _value("FrameOfReferenceUID", f"{UID}.5", f"{UID}.6"),
    "tube current": _value("XRayTubeCurrent", 200, 100),
    "exposure": _value("Exposure", 200, 100),
    "lossy compression": _value("LossyImageCompression", "00", "01"),
    "body part": _value("BodyPartExamined", "HEAD", "SKULL"),
    "scanner": _value("ManufacturerModelName", "one", "two"),
    "accession number": _value("AccessionNumber", "A1", "A2"),
    "patient's age": _value("PatientAge", "063Y", "036Y"),
    "patient's sex": _value("PatientSex", "F", "M"),
    "instance number": _counted("InstanceNumber", lambda n: n + 1),
    "instance number that comes back": lambda ds, which, index: setattr(
        ds, "InstanceNumber", index + 1
    ),
}


def shifted(what: Scan, mm: float) -> Scan:
    """Another set of slices, so far above, with other values."""
    return replace(brighter(what), origins=what.origins + np.array([0.0, 0.0, mm]))


def two_sets(
    folder: Path, tell: Tell, mm: float, thickness: float | None = 5.0, step: float = 5.0
) -> tuple[Scan, Scan]:
    """Write both, files in turn; the first set has the lower values of the element."""
    both = scan(SLICES, step), shifted(scan(SLICES, step), mm)
    for which, what in enumerate(both):

        def edit(index: int, ds: Dataset, which: int = which) -> None:
            ds.SOPInstanceUID = f"{UID}.9.{which}.{index + 1}"
            ds.InstanceNumber = 1  # tells nothing, unless ``tell`` says so
            if thickness is None:
                del ds.SliceThickness
            else:
                ds.SliceThickness = thickness
            tell(ds, which, index)

        names = [f"{index:03d}{'ab'[which]}.dcm" for index in range(SLICES)]
        store(folder, what, names=names, edit=edit)
    return both


def _frame(sequence: str, keyword: str, *values: object) -> Tell:
    def tell(frame: Dataset, which: int, index: int) -> None:
        if sequence not in frame:
            setattr(frame, sequence, Items([Dataset()]))
        setattr(getattr(frame, sequence)[0], keyword, values[which])

    return tell


VOLUME = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
TELLING_FRAMES: dict[str, Tell] = {
    "acquisition number": _frame("FrameContentSequence", "FrameAcquisitionNumber", 1, 2),
    "time": _frame(
        "FrameContentSequence", "FrameAcquisitionDateTime", "20200131101500", "20200131101730"
    ),
    "stack": _frame("FrameContentSequence", "StackID", "1", "2"),
    "temporal position": _frame("FrameContentSequence", "TemporalPositionIndex", 1, 2),
    "frame type": _frame(
        "CTImageFrameTypeSequence", "FrameType", VOLUME, ["DERIVED", *VOLUME[1:3], "RESAMPLED"]
    ),
    "kV": _frame("CTXRayDetailsSequence", "KVP", 80, 140),
    "kernel": _frame("CTReconstructionSequence", "ConvolutionKernel", "H31s", "H60s"),
    "filter": _frame("CTReconstructionSequence", "ImageFilter", "NONE", "SMOOTH"),
    "contrast": _frame("ContrastBolusUsageSequence", "ContrastBolusAgentAdministered", "NO", "YES"),
    "irradiation event": _frame(
        "IrradiationEventIdentificationSequence", "IrradiationEventUID", f"{UID}.8.1", f"{UID}.8.2"
    ),
    "order of frames": lambda frame, which, index: None,
}


def two_sets_of_frames(folder: Path, tell: Tell, mm: float) -> tuple[Scan, Scan]:
    """Both in one Enhanced CT, the frames of the first set before those of the second."""
    both = scan(SLICES), shifted(scan(SLICES), mm)
    ds = multi_frame(
        replace(
            both[0],
            hu=np.concatenate([one.hu for one in both]),
            origins=np.concatenate([one.origins for one in both]),
        )
    )
    for index, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        frame.FrameContentSequence = Items([item(DimensionIndexValues=[index % SLICES + 1])])
        tell(frame, index // SLICES, index % SLICES)
    folder.mkdir(parents=True, exist_ok=True)
    save(ds, folder / "enhanced.dcm")
    return both
