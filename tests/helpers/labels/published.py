"""Phantom scans laid out as public data sets are published, with label files that go with them."""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from molre.phantom.write import write_phantoms

CQ500 = (
    "ICH", "IPH", "IVH", "SDH", "EDH", "SAH", "BleedLocation-Left", "BleedLocation-Right",
    "ChronicBleed", "Fracture", "CalvarialFracture", "OtherFracture", "MassEffect", "MidlineShift",
)  # fmt: skip
RSNA = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
CT_ICH = (
    "Intraventricular", "Intraparenchymal", "Subarachnoid", "Epidural", "Subdural",
    "No_Hemorrhage", "Fracture_Yes_No",
)  # fmt: skip
_BARE = (
    "Modality", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "PixelSpacing",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleIntercept",
    "RescaleSlope", "ImagePositionPatient", "ImageOrientationPatient", "PixelData",
)  # fmt: skip


def phantoms(folder: Path, studies: int, seed: int = 3) -> list[Path]:
    """The folders of phantom studies in order."""
    write_phantoms(folder, studies, seed, workers=1)
    return sorted(path for path in folder.iterdir() if path.is_dir() and any(path.glob("*.dcm")))


def scrambled(kind: str, *parts: object) -> str:
    """An identifier as RSNA's release writes them: ID_ and hex digits."""
    return f"ID_{hashlib.sha256(f'{kind} {parts}'.encode()).hexdigest()[:10]}"


def bare_slice(slice_: Dataset, study: int, number: int) -> Dataset:
    """A slice with the elements that RSNA's release has, and no others."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    bare = Dataset()
    bare.file_meta = meta
    for keyword in _BARE:
        setattr(bare, keyword, getattr(slice_, keyword))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no UIDs, as pydicom says of the release, too
        bare.SOPInstanceUID = scrambled("slice", study, number)
        bare.StudyInstanceUID = scrambled("study", study)
        bare.SeriesInstanceUID = scrambled("series", study)
        meta.MediaStorageSOPInstanceUID = f"9999.{study}{number:04d}"
    bare.PatientID = scrambled("patient", study)
    bare.StudyID = ""
    bare.WindowCenter, bare.WindowWidth = ["00040", "00040"], ["00080", "00080"]
    return bare


def as_rsna(studies: Sequence[Path], folder: Path) -> dict[str, list[str]]:
    """All slices in one flat folder; returns the slices of each study."""
    folder.mkdir(parents=True)
    slices: dict[str, list[str]] = {}
    for s, study in enumerate(studies):
        for number, path in enumerate(sorted(study.glob("*.dcm"))):
            bare = bare_slice(dcmread(path), s, number)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                bare.save_as(folder / f"{bare.SOPInstanceUID}.dcm", enforce_file_format=True)
            slices.setdefault(bare.StudyInstanceUID, []).append(bare.SOPInstanceUID)
    return slices


def write_rsna_labels(
    path: Path, slices: dict[str, list[str]], positive: dict[str, set[str]]
) -> None:
    """The long table; ``positive`` names the types that the first slice of a study shows."""
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("ID,Label\n")
        for study, names in slices.items():
            for n, name in enumerate(names):
                shown = positive.get(study, set()) if n == 0 else set()
                for kind in RSNA:
                    label = bool(shown) if kind == "any" else kind in shown
                    handle.write(f"{name}_{kind},{int(label)}\n")


def as_cq500(studies: Sequence[Path], folder: Path, *, patient_ids: bool = True) -> list[str]:
    """A folder for each scan, as CQ500's zips unpack; returns the names as in reads.csv."""
    names = []
    for number, study in enumerate(studies):
        series = folder / f"CQ500CT{number} CQ500CT{number}" / "Unknown Study" / "CT Plain"
        series.mkdir(parents=True)
        for n, path in enumerate(sorted(study.glob("*.dcm"))):
            slice_ = dcmread(path)
            slice_.PatientID = f"CQ500-CT-{number}" if patient_ids else ""
            slice_.PatientName = slice_.PatientID
            slice_.save_as(series / f"CT{n:06d}.dcm")
        names.append(f"CQ500-CT-{number}")
    return names


def write_reads(path: Path, reads: dict[str, Sequence[set[str]]]) -> None:
    """``reads.csv``: for each scan, the columns that each of three readers marks."""
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["name", "Category", *(f"R{r}:{c}" for r in (1, 2, 3) for c in CQ500)])
        for name, readers in reads.items():
            cells = [int(column in said) for said in readers for column in CQ500]
            writer.writerow([name, "B1", *cells])


def as_ct_ich(studies: Sequence[Path], folder: Path, first: int = 49) -> dict[int, int]:
    """``ct_scans/049.nii`` ...; returns the slices of each patient."""
    import nibabel

    (folder / "ct_scans").mkdir(parents=True)
    slices = {}
    for patient, study in enumerate(studies, first):
        stack = [dcmread(path) for path in sorted(study.glob("*.dcm"))]
        stored = np.stack([s.pixel_array for s in stack]).astype(np.float32)
        hu = stored * float(stack[0].RescaleSlope) + float(stack[0].RescaleIntercept)
        row, column = map(float, stack[0].PixelSpacing)
        step = float(stack[1].ImagePositionPatient[2]) - float(stack[0].ImagePositionPatient[2])
        affine = np.diag([-column, -row, step, 1])
        image = nibabel.Nifti1Image(hu.transpose(2, 1, 0).astype(np.int16), affine)
        image.to_filename(folder / "ct_scans" / f"{patient:03d}.nii")
        slices[patient] = len(stack)
    return slices


def write_ct_ich_labels(path: Path, slices: dict[int, int], positive: dict[int, set[str]]) -> None:
    """The table of slices; ``positive`` names what the first slice of a patient shows."""
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["PatientNumber", "SliceNumber", *CT_ICH])
        for patient, count in slices.items():
            for number in range(1, count + 1):
                shown = positive.get(patient, set()) if number == 1 else set()
                none = not shown & set(CT_ICH[:5])
                cells = [none if c == "No_Hemorrhage" else c in shown for c in CT_ICH]
                writer.writerow([patient, number, *map(int, cells)])
