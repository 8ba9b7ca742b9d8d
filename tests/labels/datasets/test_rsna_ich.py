"""RSNA-ICH: the long table of slices and types, duplicates and all, to one label a study."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from molre.errors import MolreError
from molre.labels.datasets.labels_of_set import LabelsOfSet
from molre.labels.datasets.rsna_ich import read_rsna_ich
from molre.labels.findings import findings
from molre.labels.read_labels import read_labels
from tests.helpers.labels.published import RSNA, write_rsna_labels

TABLE = findings()
SLICES = {"ID_s1": ["ID_a1", "ID_a2", "ID_a3"], "ID_s2": ["ID_b1", "ID_b2"]}


def scans(slices: dict[str, list[str]] = SLICES) -> pl.DataFrame:
    pairs = [(name, study) for study, names in slices.items() for name in names]
    return pl.DataFrame(pairs, schema=["slice", "study"], orient="row")


def states(labels: LabelsOfSet, study: str) -> dict[str, str]:
    of = labels.long.filter(labels.long["study_instance_uid"] == study)
    return dict(of.select("finding", "state").iter_rows())


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "stage_2_train.csv"
    write_rsna_labels(path, SLICES, {"ID_s1": {"subdural"}})
    return path


def add(table: Path, *rows: str) -> Path:
    table.write_text(table.read_text() + "".join(f"{row}\n" for row in rows))
    return table


def test_a_study_has_what_one_of_its_slices_has_and_lacks_what_none_has(table: Path):
    labels = read_rsna_ich(table, TABLE, scans())
    assert states(labels, "ID_s1") == {
        "intracranial_hemorrhage": "present",
        "subdural_hemorrhage": "present",
        "epidural_hemorrhage": "absent",
        "subarachnoid_hemorrhage": "absent",
        "intraventricular_hemorrhage": "absent",
        "intraparenchymal_hemorrhage": "absent",
    }
    assert set(states(labels, "ID_s2").values()) == {"absent"}
    assert set(labels.long["evidence"]) == {"slices 1 of 3", "slices 0 of 3", "slices 0 of 2"}
    assert labels.notes == ()


def test_a_slice_without_labels_leaves_what_no_other_shows_uncertain(table: Path):
    more = {**SLICES, "ID_s1": [*SLICES["ID_s1"], "ID_a4"]}
    labels = read_rsna_ich(table, TABLE, scans(more))
    assert states(labels, "ID_s1")["subdural_hemorrhage"] == "present"
    assert states(labels, "ID_s1")["epidural_hemorrhage"] == "uncertain"
    assert labels.notes == ("slices of the scans without a label: 1 of 6",)


def test_slices_without_a_scan_are_counted_and_studies_without_labels_have_no_rows(table: Path):
    of = scans({"ID_s2": SLICES["ID_s2"], "ID_test": ["ID_c1"]})
    labels = read_rsna_ich(table, TABLE, of)
    assert set(labels.long["study_instance_uid"]) == {"ID_s2"}
    assert labels.notes == (
        "labeled slices without a scan here: 3 of 5",
        "slices of the scans without a label: 1 of 3",
    )


def test_repeated_rows_change_nothing_and_are_counted(table: Path):
    once = read_rsna_ich(table, TABLE, scans())
    add(table, *(f"ID_b1_{kind},0" for kind in RSNA))
    twice = read_rsna_ich(table, TABLE, scans())
    assert twice.long.equals(once.long)
    assert twice.notes == ("dropped rows that repeat another one: 6",)


def test_a_label_that_is_given_as_0_and_as_1_is_left_blank_and_named(table: Path):
    labels = read_rsna_ich(add(table, "ID_b1_epidural,1"), TABLE, scans())
    assert states(labels, "ID_s2")["epidural_hemorrhage"] == "uncertain"
    assert states(labels, "ID_s2")["subdural_hemorrhage"] == "absent"
    assert labels.notes == ("left blank labels that are given as 0 and as 1: 1 (ID_b1)",)


def test_a_type_of_hemorrhage_without_any_is_left_blank_with_it(table: Path):
    text = table.read_text().replace("ID_b2_epidural,0", "ID_b2_epidural,1")
    table.write_text(text)
    labels = read_rsna_ich(table, TABLE, scans())
    assert states(labels, "ID_s2")["epidural_hemorrhage"] == "uncertain"
    assert states(labels, "ID_s2")["intracranial_hemorrhage"] == "uncertain"
    assert states(labels, "ID_s2")["subdural_hemorrhage"] == "absent"
    assert "no hemorrhage: 1 (ID_b2)" in labels.notes[0]
    read_labels(labels.long, TABLE)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(30)))
def test_the_order_of_rows_is_nothing(table: Path, order: list[int]):
    header, *rows = table.read_text().splitlines()
    other = table.with_name("other.csv")
    other.write_text("\n".join([header, *(rows[i] for i in order)]) + "\n")
    shuffled = read_rsna_ich(other, TABLE, scans())
    assert shuffled.long.equals(read_rsna_ich(table, TABLE, scans()).long)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ID_a1_epidural,0", "ID_a1_epidural,2", "line 2: label '2' is not 0 or 1"),
        ("ID_a1_epidural,0", "ID_a1_epidural,", "line 2: label '' is not 0 or 1"),
        ("ID_a1_epidural,0", "ID_a1_epidural,0.5", "sample submission"),
        ("ID_a1_epidural,0", "a1,0", "line 2: ID 'a1' is not ID_<slice>_<type>"),
        ("ID,Label", "ID,Value", r"is not the label file of RSNA-ICH \(columns: ID, Value\)"),
        ("ID,Label", "name,R1:ICH", "label file of CQ500, not of RSNA-ICH.*--from cq500"),
    ],
)
def test_a_bad_file_is_one_sentence(table: Path, old: str, new: str, said: str):
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(MolreError, match=said):
        read_rsna_ich(table, TABLE, scans())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"ID,Label\n", "has no rows below its header"),
        (b"\xff\xfeI\0D\0", "not a CSV in UTF-8|not the label file"),
        (b"ID,Label\nID_a_any,0,7\n", "is not a CSV"),
    ],
)
def test_an_empty_or_damaged_file_is_one_sentence(tmp_path: Path, data: bytes, said: str):
    path = tmp_path / "stage_2_train.csv"
    path.write_bytes(data)
    with pytest.raises(MolreError, match=said):
        read_rsna_ich(path, TABLE, scans())


def test_a_missing_file_and_a_folder_are_one_sentence(tmp_path: Path):
    with pytest.raises(MolreError, match="no such file"):
        read_rsna_ich(tmp_path / "no.csv", TABLE, scans())
    with pytest.raises(MolreError, match="is a folder"):
        read_rsna_ich(tmp_path, TABLE, scans())


def test_scans_of_which_no_slice_is_labeled_are_refused(table: Path):
    with pytest.raises(MolreError, match="none of its 5 slices is among the 1 of the scans"):
        read_rsna_ich(table, TABLE, scans({"ID_t": ["ID_t1"]}))
