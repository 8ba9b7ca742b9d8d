import csv
import json
import os
import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.phantom.generators import GENERATORS
from molre.phantom.plan import HEAD, SCANNER, Recipe
from molre.phantom.study import make_study
from molre.phantom.truth import read_mask
from molre.phantom.write import write_phantoms

FEW = {"max_slices": 9, "prevalence": 0.3, "workers": 1}


def files_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantoms") / "set"
    write_phantoms(out, 4, seed=5, **FEW)
    return out


def test_every_header_says_synthetic(phantoms):
    for path in phantoms.glob("study_*/*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        assert header.Manufacturer == "molre phantom (synthetic)"
        assert header.PatientName == "PHANTOM^SYNTHETIC"
        assert "SYNTHETIC PHANTOM" in header.SeriesDescription
        assert header.StudyInstanceUID.startswith("2.25.")
        assert header.StudyInstanceUID.is_valid


def test_slices_ascend_and_the_column_vector_leans_with_the_tilt(phantoms):
    for folder in phantoms.glob("study_*"):
        headers = [pydicom.dcmread(p) for p in sorted(folder.glob("*.dcm"))]
        heights = [float(h.ImagePositionPatient[2]) for h in headers]
        assert heights == sorted(heights)
        row, column = np.reshape(np.array(headers[0].ImageOrientationPatient, float), (2, 3))
        assert abs(row @ column) < 1e-6
        assert np.isclose(np.linalg.norm(column), 1)
        assert len({h.SOPInstanceUID for h in headers}) == len(headers)


def test_labels_have_all_findings_and_agree_with_the_truth(phantoms):
    with open(phantoms / "labels.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == ["study", "source", *findings().ids]
    assert {row["source"] for row in rows} == {"phantom"}
    truths = [json.loads(p.read_text()) for p in sorted(phantoms.glob("truth/*/truth.json"))]
    assert [t["study"] for t in truths] == [row["study"] for row in rows]
    for truth, row in zip(truths, rows, strict=True):
        assert all(row[finding] == "1" for finding in truth["planted"])


def test_masks_come_back_and_match_their_slices(phantoms):
    found = 0
    for path in phantoms.glob("truth/*/truth.json"):
        for finding, entry in json.loads(path.read_text())["planted"].items():
            mask = read_mask(path.parent, finding)
            assert mask.sum() == entry["voxels"]
            assert np.flatnonzero(mask.any((1, 2))).tolist() == entry["slices"]
            found += 1
    assert found > 4
    with pytest.raises(MolreError, match="was not planted"):
        read_mask(path.parent, "skull_fracture")


def test_workers_do_not_matter_and_an_interrupted_run_is_completed(phantoms, tmp_path):
    again = tmp_path / "set"
    write_phantoms(again, 2, seed=5, **FEW)
    shutil.rmtree(again / "study_00001")
    (again / ".study_00001.part").mkdir()
    written = write_phantoms(again, 4, seed=5, **{**FEW, "workers": 2})
    assert (written.made, written.kept, written.studies) == (3, 1, 4)
    assert files_of(again) == files_of(phantoms)


def test_other_values_in_the_same_folder_are_refused_until_overwritten(tmp_path):
    out = tmp_path / "set"
    write_phantoms(out, 1, seed=1, **FEW)
    with pytest.raises(MolreError, match="--overwrite"):
        write_phantoms(out, 1, seed=2, **FEW)
    assert write_phantoms(out, 1, seed=2, overwrite=True, **FEW).made == 1


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(MolreError, match="not empty"):
        write_phantoms(tmp_path, 1, overwrite=True, **FEW)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("wrong", [{"studies": 0}, {"studies": 1, "seed": -1}])
def test_numbers_out_of_range_are_refused_before_anything_is_written(tmp_path, wrong):
    with pytest.raises(MolreError):
        write_phantoms(tmp_path / "set", **wrong)
    assert not (tmp_path / "set").exists()


def test_head_and_scanner_do_not_depend_on_the_findings():
    plain = make_study(Recipe(9, findings=(), max_slices=8), 3)
    sick = make_study(Recipe(9, prevalence=0.5, max_slices=8), 3)
    assert plain.head == sick.head
    assert plain.scanner == sick.scanner
    assert not plain.masks
    assert len(sick.masks) > 5
    assert HEAD != SCANNER


@pytest.mark.parametrize("severity", [0.4, 2.0])
def test_every_severity_can_be_planted(severity):
    study = make_study(Recipe(2, severity=severity, prevalence=0.5, max_slices=12), 0)
    assert study.stored.shape[0] == 12
    assert study.planted


def test_level_dependent_findings_lie_above_the_normal_looks():
    recipe = Recipe(
        4,
        level_dependent=True,
        prevalence=1.0,
        findings=("intracranial_calcification", "arachnoid_cyst"),
    )
    study = make_study(recipe, 0)
    for mask in study.masks.values():
        assert study.grid.z[mask].min() > 10


def test_dciodvfy_finds_no_error(phantoms):
    if shutil.which("dciodvfy") is None:
        missing = "dciodvfy is not installed (apt-get install dicom3tools)"
        (pytest.fail if "CI" in os.environ else pytest.skip)(missing)
    for folder in phantoms.glob("study_*"):
        path = sorted(folder.glob("*.dcm"))[4]
        result = subprocess.run(
            ["dciodvfy", str(path)], capture_output=True, text=True, check=False
        )
        assert "Error" not in result.stderr + result.stdout, result.stderr


def test_generators_say_what_they_do_in_a_sign():
    assert {g.sign for g in GENERATORS.values()} == {-1, 1}
