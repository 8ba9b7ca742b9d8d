"""CT-ICH: slices of a scan to one label, complete or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.labels.datasets.ct_ich import read_ct_ich
from molre.labels.datasets.labels_of_set import LabelsOfSet
from tests.helpers.labels.published import write_ct_ich_labels

HEADER = (
    "patient,slice,intraventricular,intraparenchymal,subarachnoid,epidural,subdural,"
    "any_hemorrhage,fracture,brain_path,bone_path"
)


def states(labels: LabelsOfSet, study: str) -> dict[str, str]:
    of = labels.long.filter(labels.long["study"] == study)
    return dict(of.select("finding", "state").iter_rows())


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "hemorrhage_diagnosis_raw_ct.csv"
    write_ct_ich_labels(path, {49: 3, 130: 2}, {49: {"Epidural", "Fracture_Yes_No"}})
    return path


def test_a_scan_has_what_one_of_its_slices_has(table: Path):
    labels = read_ct_ich(table)
    assert states(labels, "049.nii") == {
        "intracranial_hemorrhage": "present",
        "intraventricular_hemorrhage": "absent",
        "intraparenchymal_hemorrhage": "absent",
        "subarachnoid_hemorrhage": "absent",
        "epidural_hemorrhage": "present",
        "subdural_hemorrhage": "absent",
        "skull_fracture": "present",
    }
    assert set(states(labels, "130.nii").values()) == {"absent"}
    assert set(labels.long["evidence"]) == {"slices 1 of 3", "slices 0 of 3", "slices 0 of 2"}
    assert labels.notes == ()


def test_a_missing_slice_leaves_absent_findings_uncertain(table: Path):
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line for line in lines if not line.startswith("49,2,")))
    labels = read_ct_ich(table)
    assert states(labels, "049.nii")["epidural_hemorrhage"] == "present"
    assert states(labels, "049.nii")["subdural_hemorrhage"] == "uncertain"
    assert set(states(labels, "130.nii").values()) == {"absent"}
    assert labels.notes[0].startswith("1 scan lacks slices")


def test_the_table_of_windowed_pictures_is_read_too(tmp_path: Path):
    path = tmp_path / "labels.csv"
    path.write_text(f"{HEADER}\n52,1,0,0,0,1,0,1,0,b.jpg,c.jpg\n52,2,0,0,0,0,0,0,0,b.jpg,c.jpg\n")
    labels = read_ct_ich(path)
    assert states(labels, "p052")["epidural_hemorrhage"] == "present"
    assert states(labels, "p052")["skull_fracture"] == "absent"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Fracture_Yes_No", "Fracture", "has no column Fracture_Yes_No"),
        ("49,2,0", "49,2,3", "line 3, column Intraventricular: value '3' is not 0 or 1"),
        ("49,2,", "49,1,", "slice 1 of patient 49 is there twice, the second time on line 3"),
        ("49,2,0", "49,2,1", "line 3: No_Hemorrhage contradicts the types"),
        ("49,2,", "49,zwei,", "column SliceNumber: 'zwei' is not a number above 0"),
        ("49,2,", ",2,", "column PatientNumber: '' is not a number above 0"),
    ],
)
def test_a_bad_file_is_one_sentence(table: Path, old: str, new: str, said: str):
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(MolreError, match=said):
        read_ct_ich(table)


def test_the_pictures_at_hand(shared: Path):
    labels = read_ct_ich(shared / "data/ct_ich_slices/labels.csv")
    assert labels.studies == 16
    positive = labels.long.filter(labels.long["state"] == "present")["finding"].value_counts()
    assert dict(positive.iter_rows()) == {
        "intraventricular_hemorrhage": 3,
        "intraparenchymal_hemorrhage": 6,
        "subarachnoid_hemorrhage": 3,
        "epidural_hemorrhage": 3,
        "subdural_hemorrhage": 2,
        "intracranial_hemorrhage": 10,
        "skull_fracture": 7,
    }
    assert labels.notes[0].startswith("6 scans lack slices")
    more = read_ct_ich(shared / "data/ct_ich_more/labels.csv")
    assert more.studies == 22
    assert more.notes == ("left out slices of patients whose other slices lie elsewhere (6)",)
