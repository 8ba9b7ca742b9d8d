"""Small axial CT series, written with pydicom alone: a skull-like ellipse per slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SLICES, SIZE = 26, 64


def write_study(
    folder: Path,
    uid: str,
    patient: str = "PID-1",
    seed: int = 0,
    slices: int = SLICES,
    thickness: float = 6.0,
    **header: object,
) -> Path:
    """One study of one series, ``thickness`` mm apart; ``header`` sets or overrides keywords."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed)
    for i in range(slices):
        place = {"ImagePositionPatient": [-112, -112, thickness * i], "SliceThickness": thickness}
        pixels = _pixels(noise, i, slices)
        write_slice(folder / f"{i:02d}.dcm", uid, patient, i, pixels, **{**place, **header})
    return folder


def write_slice(
    path: Path, uid: str, patient: str, index: int, hu: np.ndarray, **header: object
) -> None:
    """One CT image, explicit little endian, intercept -1024."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    image = Dataset()
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = f"{uid}.1.{index + 1}"
    image.StudyInstanceUID, image.SeriesInstanceUID = uid, f"{uid}.1"
    image.FrameOfReferenceUID = f"{uid}.9"
    image.PatientID, image.PatientName = patient, "DOE^SECRET"
    image.AccessionNumber = f"ACC{uid.split('.')[-1]}"
    image.StudyDate, image.PatientAge, image.PatientSex = "20200131", "093Y", "F"
    image.Modality, image.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.Manufacturer, image.BodyPartExamined = "Tester", "HEAD"
    image.KVP, image.ConvolutionKernel, image.SliceThickness = 120, "H30s", 6
    image.SeriesNumber, image.AcquisitionNumber, image.InstanceNumber = 2, 1, index + 1
    image.ImagePositionPatient = [-112, -112, 6.0 * index]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [3.5, 3.5]
    image.Rows, image.Columns = hu.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation, image.RescaleSlope, image.RescaleIntercept = 0, 1, -1024
    image.PixelData = (hu + 1024).astype("<u2").tobytes()
    for keyword, value in header.items():
        setattr(image, keyword, value)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as(path, enforce_file_format=True)


def spoil(folder: Path) -> None:
    """Make a series one that cannot be read, which its headers do not tell.

    They stay whole and name a compression; what should be its data is not.
    """
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        image.file_meta.TransferSyntaxUID = RLELossless
        image.PixelData = encapsulate([bytes(100)])
        image["PixelData"].is_undefined_length = True
        image.save_as(path)


def _pixels(noise: np.random.Generator, index: int, slices: int) -> np.ndarray:
    """HU: air, a shell of bone, brain with noise; the ellipse narrows towards the vertex."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    scale = np.sqrt(max(0.1, 1 - (index / slices) ** 2))
    radius = np.hypot(x / (20 * scale), y / (25 * scale))
    hu = np.full((SIZE, SIZE), -1000.0)
    hu[radius < 1.12] = 20
    hu[radius < 1.0] = 1000
    hu[radius < 0.88] = 33
    return np.clip(np.round(hu + noise.normal(0, 4, hu.shape)), -1024, 3000)
