"""A phantom study as one Enhanced CT Image Storage object (DICOM PS3.3, A.38)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from molre.phantom.dicom import WINDOW, common_header, plane, uid
from molre.phantom.plan import Recipe
from molre.phantom.scanner import Scanner
from molre.phantom.study import PhantomStudy

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

ENHANCED_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2.1"
IMAGE_TYPE = ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")

_FRAME_CONTENT, _STACK_POSITION, _STACK_ID = 0x00209111, 0x00209057, 0x00209056


def write_enhanced(study: PhantomStudy, recipe: Recipe, folder: Path) -> None:
    """Write ``enhanced.dcm``, frames ascending towards the vertex, into an existing folder.

    Positions, rescale and padding are those of the classic series, so both read to equal HU.
    """
    enhanced_ct(study, recipe).save_as(folder / "enhanced.dcm", enforce_file_format=True)


def enhanced_ct(study: PhantomStudy, recipe: Recipe) -> FileDataset:
    """The object, all frames in it."""
    ds = common_header(study, recipe, ENHANCED_CT_IMAGE_STORAGE)
    del ds.AcquisitionDate, ds.AcquisitionTime, ds.BodyPartExamined
    ds.SOPInstanceUID = uid(recipe, study.index, "enhanced")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    _describe_image(ds)
    _dimensions(ds, uid(recipe, study.index, "dimensions"))
    shared = _shared(study)
    event = _item(IrradiationEventUID=uid(recipe, study.index, "event"))
    shared.IrradiationEventIdentificationSequence = [event]
    ds.SharedFunctionalGroupsSequence = [shared]
    count = len(study.stored)
    ds.NumberOfFrames = count
    ds.PerFrameFunctionalGroupsSequence = [
        _frame(study, number, ds.AcquisitionDateTime) for number in range(count)
    ]
    ds.PixelData = np.ascontiguousarray(study.stored).tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def _item(**elements: object) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def _code(value: str, scheme: str, meaning: str) -> list[Dataset]:
    return [_item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)]


def _describe_image(ds: FileDataset) -> None:
    ds.ImageType = list(IMAGE_TYPE)
    ds.PixelPresentation = "MONOCHROME"
    ds.VolumetricProperties = "VOLUME"
    ds.VolumeBasedCalculationTechnique = "NONE"
    ds.InstanceNumber = 1
    ds.AcquisitionDateTime = f"{ds.StudyDate}{ds.StudyTime}"
    ds.AcquisitionDuration = 1.0
    ds.ContentQualification = "RESEARCH"
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    ds.PresentationLUTShape = "IDENTITY"
    ds.AcquisitionContextSequence = []


def _dimensions(ds: FileDataset, organization: str) -> None:
    """Frames are indexed by stack and by position in it."""
    ds.DimensionOrganizationType = "3D"
    ds.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=organization)]
    ds.DimensionIndexSequence = [
        _item(
            DimensionOrganizationUID=organization,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=_FRAME_CONTENT,
            DimensionDescriptionLabel=label,
        )
        for pointer, label in ((_STACK_ID, "Stack"), (_STACK_POSITION, "Position"))
    ]


def _shared(study: PhantomStudy) -> Dataset:
    """Functional groups that are the same for all frames."""
    scanner = study.scanner
    pixel = [round(scanner.pixel, 6)] * 2
    level, width = WINDOW
    head = _code("69536005", "SCT", "Head")
    return _item(
        PixelMeasuresSequence=[_item(PixelSpacing=pixel, SliceThickness=scanner.thickness)],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=plane(study, 0)[1])],
        FrameAnatomySequence=[_item(FrameLaterality="U", AnatomicRegionSequence=head)],
        FrameVOILUTSequence=[_item(WindowCenter=level, WindowWidth=width)],
        PixelValueTransformationSequence=[
            _item(RescaleIntercept=scanner.intercept, RescaleSlope=scanner.slope, RescaleType="HU")
        ],
        CTImageFrameTypeSequence=[
            _item(
                FrameType=list(IMAGE_TYPE),
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
            )
        ],
        **_acquired(scanner, pixel),
    )


def _acquired(scanner: Scanner, pixel: list[float]) -> dict[str, list[Dataset]]:
    """Functional groups that say how an original frame was acquired."""
    diameter = round(scanner.pixel * scanner.matrix, 3)
    return {
        "CTAcquisitionTypeSequence": [
            _item(
                AcquisitionType="SEQUENCED",
                ConstantVolumeFlag="NO",
                FluoroscopyFlag="NO",
            )
        ],
        "CTAcquisitionDetailsSequence": [
            _item(
                RotationDirection="CW",
                RevolutionTime=1.0,
                SingleCollimationWidth=scanner.thickness,
                TotalCollimationWidth=scanner.thickness,
                TableHeight=0.0,
                GantryDetectorTilt=round(float(np.degrees(scanner.tilt)), 3),
                DataCollectionDiameter=diameter,
            )
        ],
        "CTTableDynamicsSequence": [_item(TableSpeed=0.0, TableFeedPerRotation=0.0)],
        "CTGeometrySequence": [
            _item(DistanceSourceToDetector=1000.0, DistanceSourceToDataCollectionCenter=500.0)
        ],
        "CTReconstructionSequence": [
            _item(
                ReconstructionAlgorithm="FILTER_BACK_PROJ",
                ConvolutionKernel=scanner.kernel,
                ConvolutionKernelGroup="BRAIN",
                ReconstructionDiameter=diameter,
                ReconstructionPixelSpacing=pixel,
                ReconstructionAngle=360.0,
                ImageFilter="NONE",
            )
        ],
        "CTExposureSequence": [
            _item(
                ExposureTimeInms=1000.0,
                XRayTubeCurrentInmA=200.0,
                ExposureInmAs=200.0,
                ExposureModulationType="NONE",
            )
        ],
        "CTXRayDetailsSequence": [
            _item(
                KVP=scanner.kvp,
                FocalSpots=1.0,
                FilterType="WEDGE",
                FilterMaterial="ALUMINUM",
            )
        ],
    }


def _frame(study: PhantomStudy, number: int, when: str) -> Dataset:
    """Functional groups of one frame, acquired at a DICOM date and time."""
    position, _ = plane(study, number)
    center = [round(float(v), 4) for v in _center(study, number)]
    return _item(
        FrameContentSequence=[
            _item(
                FrameAcquisitionNumber=1,
                FrameReferenceDateTime=when,
                FrameAcquisitionDateTime=when,
                FrameAcquisitionDuration=1.0,
                StackID="1",
                InStackPositionNumber=number + 1,
                DimensionIndexValues=[1, number + 1],
            )
        ],
        PlanePositionSequence=[_item(ImagePositionPatient=position)],
        CTPositionSequence=[
            _item(
                TablePosition=round(float(study.grid.zs[number]), 4),
                DataCollectionCenterPatient=center,
                ReconstructionTargetCenterPatient=center,
            )
        ],
    )


def _center(study: PhantomStudy, number: int) -> np.ndarray:
    """The middle of a slice, mm (L, P, S)."""
    position, orientation = plane(study, number)
    rows, columns = study.stored.shape[1:]
    across, down = np.reshape(orientation, (2, 3))
    half = study.scanner.pixel / 2
    return np.asarray(position) + across * half * (columns - 1) + down * half * (rows - 1)
