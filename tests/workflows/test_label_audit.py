from __future__ import annotations

import json

import polars as pl
import pytest

from molre.errors import MolreError
from molre.workflows.label_audit import Tables, audit_labels, read_patients
from tests.helpers.labels.two_tables import write_long

SHIFT = "midline_shift"


@pytest.fixture
def tables(tmp_path) -> Tables:
    rules = [(f"r{i}", SHIFT, "present" if i < 5 else "absent") for i in range(12)]
    truth = [(f"r{i}", SHIFT, "present" if i < 6 else "absent") for i in range(12)]
    return Tables(
        write_long(tmp_path / "rules.csv", rules),
        write_long(tmp_path / "truth.csv", truth, "reader"),
    )


def test_all_files_say_the_same(tables, tmp_path):
    audit = audit_labels(tables, tmp_path / "out")
    told = json.loads((tmp_path / "out/agreement.json").read_text())
    rows = pl.read_csv(tmp_path / "out/agreement.csv")
    value = audit.micro.numbers["sensitivity"].value
    assert value == pytest.approx(5 / 6)
    assert told["micro"]["sensitivity"]["value"] == value
    assert rows.filter(finding="micro")["sensitivity"].item() == pytest.approx(value)
    assert (told["labelers"], told["truth"]) == ({"report-rules v1": 12}, {"reader v1": 12})
    cells = pl.read_csv(tmp_path / "out/confusion.csv").filter(finding="micro")
    assert cells["cells"].sum() == 12
    assert "5/6" not in (tmp_path / "out/report.html").read_text()
    assert "0.833" in (tmp_path / "out/report.html").read_text()


def test_no_study_is_named_in_what_is_written(tables, tmp_path):
    audit_labels(tables, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert "r11" not in path.read_text()


def test_an_audit_is_not_replaced_unasked_and_nothing_else_ever(tables, tmp_path):
    audit_labels(tables, tmp_path / "out")
    with pytest.raises(MolreError, match="already exists"):
        audit_labels(tables, tmp_path / "out")
    audit_labels(tables, tmp_path / "out", overwrite=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("x")
    with pytest.raises(MolreError, match="holds notes.txt, not an audit of labels"):
        audit_labels(tables, tmp_path / "mine", overwrite=True)


def test_patients_come_from_a_csv_or_a_scans_table(tmp_path):
    (tmp_path / "p.csv").write_text("accession;patient_id\nr1;p1\nr2;p1\nr3;\n")
    assert read_patients(tmp_path / "p.csv") == {"r1": "p1", "r2": "p1"}
    scans = pl.DataFrame({"patient": ["p1", "p1"], "study": ["s", "s"], "series": ["a", "b"]})
    scans.write_parquet(tmp_path / "scans.parquet")
    assert read_patients(tmp_path / "scans.parquet") == {"s": "p1"}


def test_a_study_of_two_patients_is_refused(tmp_path):
    (tmp_path / "p.csv").write_text("study,patient\nr1,p1\nr1,p2\n")
    with pytest.raises(MolreError, match="a study has two patients"):
        read_patients(tmp_path / "p.csv")
    (tmp_path / "q.csv").write_text("study,age\nr1,44\n")
    with pytest.raises(MolreError, match="has no column 'patient'"):
        read_patients(tmp_path / "q.csv")


def test_a_damaged_table_of_patients_is_one_sentence(tmp_path):
    (tmp_path / "scans.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(MolreError, match="is damaged"):
        read_patients(tmp_path / "scans.parquet")
