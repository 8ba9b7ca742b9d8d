"""What a slice says about the set that it belongs to: how it was acquired and reconstructed.

Elements of a classic file, or of one frame of an Enhanced CT and its functional groups. What they
mean for grouping is said in `molre.ct.grouping.sets`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from molre.ct.dicom.elements import number, text, value
from molre.ct.dicom.functional_groups import Groups


@dataclass(frozen=True)
class Marks:
    """Each is None, or empty, where it is not stated.

    Attributes:
        image_type: Image Type (0008,0008); with Frame Type (0008,9007) for a frame.
        technique: Volume Based Calculation Technique of a frame, e.g. ``"MAX_IP"``.
        rescale_type: Rescale Type (0028,1054).
        kernel: Convolution Kernel (0018,1210).
        kvp: kV.
        contrast: Contrast/Bolus Agent (0018,0010); of a frame, whether it was given.
        description: Series Description (0008,103E).
        filters: Filter Type (0018,1160) and Image Filter (0018,9320).
        diameter: Reconstruction Diameter (0018,1100), mm.
        phase: position in time, by index or trigger.
        reference: Frame of Reference UID (0020,0052).
        stack: Stack ID (0020,9056) and anatomic region of a frame.
    """

    image_type: tuple[str, ...] = ()
    technique: str | None = None
    rescale_type: str | None = None
    kernel: str | None = None
    kvp: float | None = None
    contrast: str | None = None
    description: str | None = None
    filters: tuple[str | None, ...] = ()
    diameter: float | None = None
    phase: tuple[float | None, ...] = ()
    reference: str | None = None
    stack: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Along:
    """What may change from slice to slice along a scan, or tell scans apart.

    Attributes:
        exposure: tube current and exposure, mA and mAs.
        time: when it was acquired, as written: date and time, and time alone.
        event: Acquisition UID (0008,0017) and Irradiation Event UID (0008,3010).
        instance: Instance Number (0020,0013); of a frame, its place in the object.
    """

    exposure: tuple[float | None, float | None] = (None, None)
    time: tuple[str | None, str | None] = (None, None)
    event: tuple[str | None, str | None] = (None, None)
    instance: int | None = None


def classic_marks(dataset: Dataset) -> Marks:
    """Those of a file with one slice."""
    return Marks(
        image_type=kinds(text(dataset, "ImageType")),
        rescale_type=text(dataset, "RescaleType"),
        kernel=text(dataset, "ConvolutionKernel"),
        kvp=number(dataset, "KVP"),
        contrast=text(dataset, "ContrastBolusAgent"),
        description=text(dataset, "SeriesDescription"),
        filters=(text(dataset, "FilterType"), None),
        diameter=number(dataset, "ReconstructionDiameter"),
        phase=(
            number(dataset, "TemporalPositionIdentifier"),
            number(dataset, "TemporalPositionIndex"),
            number(dataset, "TriggerTime"),
        ),
        reference=text(dataset, "FrameOfReferenceUID"),
    )


def classic_along(dataset: Dataset) -> Along:
    """That of a file with one slice."""
    instance = number(dataset, "InstanceNumber")
    return Along(
        exposure=(number(dataset, "XRayTubeCurrent"), number(dataset, "Exposure")),
        time=(text(dataset, "AcquisitionDateTime"), text(dataset, "AcquisitionTime")),
        event=(text(dataset, "AcquisitionUID"), text(dataset, "IrradiationEventUID")),
        instance=None if instance is None else int(instance),
    )


def frame_marks(groups: Groups, mixed: bool) -> Marks:
    """Those of one frame.

    Args:
        groups: of the frame.
        mixed: frames differ in their type, so that the type of the whole object says nothing.
    """
    top, content = groups.top, "FrameContentSequence"
    own = kinds(groups.text("CTImageFrameTypeSequence", "FrameType"))
    whole = () if mixed and own else kinds(text(top, "ImageType"))
    return Marks(
        image_type=(*whole, *own),
        technique=groups.text("CTImageFrameTypeSequence", "VolumeBasedCalculationTechnique"),
        rescale_type=groups.text("PixelValueTransformationSequence", "RescaleType"),
        kernel=groups.text("CTReconstructionSequence", "ConvolutionKernel"),
        kvp=groups.number("CTXRayDetailsSequence", "KVP"),
        contrast=groups.text("ContrastBolusUsageSequence", "ContrastBolusAgentAdministered"),
        description=text(top, "SeriesDescription"),
        filters=(
            groups.text("CTXRayDetailsSequence", "FilterType"),
            groups.text("CTReconstructionSequence", "ImageFilter"),
        ),
        diameter=groups.number("CTReconstructionSequence", "ReconstructionDiameter"),
        phase=(
            groups.number(content, "TemporalPositionIndex"),
            groups.number("TemporalPositionSequence", "TemporalPositionTimeOffset"),
        ),
        reference=text(top, "FrameOfReferenceUID"),
        stack=(groups.text(content, "StackID"), _region(groups)),
    )


def frame_along(groups: Groups, index: int) -> Along:
    """That of one frame, 0-based."""
    content = "FrameContentSequence"
    return Along(
        exposure=(
            groups.number("CTExposureSequence", "XRayTubeCurrentInmA"),
            groups.number("CTExposureSequence", "ExposureInmAs"),
        ),
        time=(
            groups.text(content, "FrameAcquisitionDateTime"),
            groups.text(content, "FrameReferenceDateTime"),
        ),
        event=(
            None,
            groups.text("IrradiationEventIdentificationSequence", "IrradiationEventUID"),
        ),
        instance=index + 1,
    )


def kinds(stated: str | None) -> tuple[str, ...]:
    """Values of Image Type or Frame Type."""
    return tuple(part.strip() for part in (stated or "").upper().split("\\") if part.strip())


def frames_differ(frames: Iterable[Groups]) -> bool:
    """Whether frames differ in their type."""
    return len({one.text("CTImageFrameTypeSequence", "FrameType") for one in frames}) > 1


def _region(groups: Groups) -> str | None:
    region = groups.find("FrameAnatomySequence", "AnatomicRegionSequence")
    found = value(region, "AnatomicRegionSequence")
    return text(found[0], "CodeValue") if found else None
