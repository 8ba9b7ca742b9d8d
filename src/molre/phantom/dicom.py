"""A phantom study as a CT Image Storage series, with every header saying that it is synthetic."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from molre.phantom.plan import Recipe
from molre.phantom.study import PhantomStudy

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
WRITER = "2.25.302041263184301935417365923815342119001"
WINDOW = (40, 80)  # level, width, HU
MANUFACTURER = "molre phantom (synthetic)"


def uid(recipe: Recipe, index: int, role: str) -> str:
    """A UID under the 2.25 root that recipe, study and role fix."""
    digest = hashlib.sha256(f"molre phantom {recipe} {index} {role}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def write_series(study: PhantomStudy, recipe: Recipe, folder: Path) -> None:
    """Write ``001.dcm`` and so on, ascending towards the vertex, into an existing folder."""
    header = common_header(study, recipe, CT_IMAGE_STORAGE)
    _describe_image(header, study)
    for number in range(len(study.stored)):
        _place(header, study, recipe, number)
        header.save_as(folder / f"{number + 1:03d}.dcm", enforce_file_format=True)


def common_header(study: PhantomStudy, recipe: Recipe, sop_class: str) -> FileDataset:
    """Patient, study, series, equipment and pixel format: what every CT object says alike."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    meta.ImplementationClassUID = UID(WRITER)
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    head, scanner, index = study.head, study.scanner, study.index
    day = date(2020, 1, 1) + timedelta(days=(recipe.seed * 7 + index) % 2000)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.PatientName = "PHANTOM^SYNTHETIC"
    ds.PatientID = f"PHANTOM-{recipe.seed}-{index:05d}"
    ds.PatientBirthDate = ""
    ds.PatientSex = head.sex
    ds.PatientAge = f"{int(head.age):03d}Y"
    ds.PatientComments = "synthetic phantom, not a patient"
    ds.StudyInstanceUID = uid(recipe, index, "study")
    ds.SeriesInstanceUID = uid(recipe, index, "series")
    ds.FrameOfReferenceUID = uid(recipe, index, "frame")
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = day.strftime("%Y%m%d")
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = ds.AcquisitionTime = "120000"
    ds.StudyID = str(index)
    ds.AccessionNumber = f"P{recipe.seed}-{index:05d}"[:16]
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "SYNTHETIC PHANTOM HEAD CT"
    ds.SeriesDescription = f"SYNTHETIC PHANTOM HEAD {scanner.thickness:g} MM"
    ds.Modality = "CT"
    ds.SeriesNumber = 2
    ds.AcquisitionNumber = 1
    ds.BodyPartExamined = "HEAD"
    ds.PatientPosition = "HFS"
    ds.PositionReferenceIndicator = "OM"
    ds.Manufacturer = MANUFACTURER
    ds.ManufacturerModelName = "molre phantom"
    ds.DeviceSerialNumber = str(recipe.seed)
    ds.SoftwareVersions = "1"
    _describe_pixels(ds, study)
    return ds


def _describe_image(ds: FileDataset, study: PhantomStudy) -> None:
    """What an object of one slice says at its top level."""
    scanner = study.scanner
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.KVP = scanner.kvp
    ds.ConvolutionKernel = scanner.kernel
    ds.GantryDetectorTilt = round(float(np.degrees(scanner.tilt)), 3)
    ds.SliceThickness = scanner.thickness
    ds.PixelSpacing = [round(scanner.pixel, 6)] * 2
    ds.RescaleSlope = scanner.slope
    ds.RescaleIntercept = scanner.intercept
    ds.RescaleType = "HU"
    ds.WindowCenter, ds.WindowWidth = WINDOW


def _describe_pixels(ds: FileDataset, study: PhantomStudy) -> None:
    scanner = study.scanner
    ds.Rows, ds.Columns = study.stored.shape[1:]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 16
    ds.BitsStored = 16 if scanner.signed else 12
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(scanner.signed)
    if scanner.padding is not None:
        ds.PixelPaddingValue = scanner.padding


def plane(study: PhantomStudy, number: int) -> tuple[list[float], list[float]]:
    """Image Position and Image Orientation (Patient) of one slice: mm (3,), cosines (6,)."""
    grid = study.grid
    cosine, sine = float(np.cos(grid.tilt)), float(np.sin(grid.tilt))
    first_row = float(grid.ys[0])
    height = float(grid.zs[number]) - sine * first_row
    place = (float(grid.xs[0]), cosine * first_row, height)
    return [round(v, 4) for v in place], [1, 0, 0, 0, round(cosine, 8), round(-sine, 8)]


def _place(ds: FileDataset, study: PhantomStudy, recipe: Recipe, number: int) -> None:
    """What changes from slice to slice."""
    ds.SOPInstanceUID = uid(recipe, study.index, f"slice {number}")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.InstanceNumber = number + 1
    ds.ImagePositionPatient, ds.ImageOrientationPatient = plane(study, number)
    ds.SliceLocation = round(float(study.grid.zs[number]), 4)
    ds.PixelData = np.ascontiguousarray(study.stored[number]).tobytes()
