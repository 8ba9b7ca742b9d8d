"""Which study a slice is of, from scans with RSNA's bare headers in one flat folder."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from molre.cohort.slices import studies_of_slices
from molre.errors import MolreError
from tests.helpers.labels.published import bare_slice


def flat(folder: Path, studies: int, slices: int) -> dict[str, str]:
    """Small bare slices; the study of each."""
    folder.mkdir()
    image = Dataset()
    image.Modality, image.SamplesPerPixel = "CT", 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows = image.Columns = 2
    image.PixelSpacing = [0.5, 0.5]
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation, image.RescaleIntercept, image.RescaleSlope = 0, "-1024", "1"
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelData = np.zeros(4, np.uint16).tobytes()
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for study in range(studies):
            for number in range(slices):
                image.ImagePositionPatient = [0, 0, 5 * number]
                bare = bare_slice(image, study, number)
                bare.save_as(folder / f"{bare.SOPInstanceUID}.dcm", enforce_file_format=True)
                found[bare.SOPInstanceUID] = bare.StudyInstanceUID
    return found


def test_a_flat_folder_of_a_thousand_slices_falls_into_its_studies(tmp_path: Path):
    written = flat(tmp_path / "train", 40, 25)
    assert dict(studies_of_slices(tmp_path / "train").iter_rows()) == written


def test_a_file_under_another_name_is_asked_for_its_uid(tmp_path: Path):
    written = flat(tmp_path / "train", 1, 2)
    for number, path in enumerate(sorted((tmp_path / "train").iterdir())):
        path.rename(path.with_name(f"{number}.dcm"))
    assert dict(studies_of_slices(tmp_path / "train").iter_rows()) == written


def test_a_table_of_headers_says_it_as_well(tmp_path: Path):
    path = tmp_path / "metadata.csv"
    path.write_text("SOPInstanceUID,Rows,StudyInstanceUID\nID_a,512,ID_s\nID_b,512,ID_s\n")
    assert dict(studies_of_slices(path).iter_rows()) == {"ID_a": "ID_s", "ID_b": "ID_s"}
    path.write_text("SOPInstanceUID,Rows\nID_a,512\n")
    with pytest.raises(MolreError, match="has no column StudyInstanceUID"):
        studies_of_slices(path)


def test_a_folder_without_dicom_is_refused(tmp_path: Path):
    (tmp_path / "note.txt").write_text("no scans")
    with pytest.raises(MolreError, match="holds no DICOM"):
        studies_of_slices(tmp_path)


def test_the_four_published_slices_are_of_four_studies(shared: Path):
    found = studies_of_slices(shared / "data/rsna_2019_slices")
    assert sorted(found["slice"]) == [
        "ID_000000e27",
        "ID_0007ff5d1",
        "ID_52c9913b1",
        "ID_63eb1e259",
    ]
    assert found["study"].n_unique() == 4
