from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from molre.cli.main import app
from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.keys import open_salt, pseudonym
from molre.cohort.scans import table
from molre.errors import MolreError


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Three studies of two patients."""
    path = tmp_path / "cohort"
    salt = open_salt(path / "salt", b"a salt for tests")
    rows = [
        {
            "patient": pseudonym(salt, "patient", patient),
            "study": pseudonym(salt, "study", study),
            "pixel_hash": study,
            "content_hash": study,
            "chosen": True,
        }
        for study, patient in (("1.1", "p1"), ("1.2", "p1"), ("2.1", "p2"))
    ]
    write_table(path / "scans.parquet", table(rows))
    write_facts(path, synthetic=False)
    return path


def said(*arguments: object) -> str:
    run = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return run.output


def test_label_says_what_matched_and_where_the_others_are(cohort: Path, tmp_path: Path):
    reads = tmp_path / "reads.csv"
    reads.write_text("nr,skull_fracture,comment\n1.1,1,\n7.7,0,not ours\n")
    options = ["--cohort", cohort, "--id-column", "nr", "--ignore-column", "comment"]
    options += ["--source", "cq500", "--labeller", "three readers"]
    text = said("label", reads, *options)
    assert "1 studies have labels" in text
    assert str(cohort / "unmatched.csv") in text
    assert json.loads(said("label", reads, *options, "--json")) == {
        "matched": 1,
        "rows_without_scan": 1,
        "scans_without_row": 2,
        "unmatched": str(cohort / "unmatched.csv"),
    }
    kept = Cohort(cohort).labels().select("source", "labeller").unique()
    assert kept.rows() == [("cq500", "three readers")]


def test_labels_are_exported_as_a_wide_table_and_nothing_is_replaced_unasked(
    cohort: Path, tmp_path: Path
):
    reads, wide = tmp_path / "long.csv", tmp_path / "wide.csv"
    reads.write_text("study,finding,state\n1.1,skull_fracture,present\n1.2,atrophy,uncertain\n")
    with pytest.raises(MolreError, match="unknown finding 'atrophy'"):
        said("label", reads, "--cohort", cohort)
    reads.write_text(reads.read_text().replace("atrophy", "hydrocephalus"))
    assert "2 studies in" in said("label", reads, "--cohort", cohort, "--export", wide)
    header, *rows = wide.read_text().splitlines()
    assert header.startswith("study,")
    assert sorted(row.count("1") for row in (r.partition(",")[2] for r in rows)) == [0, 1]
    with pytest.raises(MolreError, match="already exists.*--overwrite"):
        said("label", "--cohort", cohort, "--export", wide)
    assert "2 studies in" in said("label", "--cohort", cohort, "--export", wide, "--overwrite")
    with pytest.raises(MolreError, match="no label table is given"):
        said("label", "--cohort", cohort)


def test_split_counts_patients_and_studies_and_keeps_them(cohort: Path):
    counts = json.loads(said("split", cohort, "--fractions", 0, 0, 0, 1, "--json"))
    assert counts["test"] == {"patients": 2, "studies": 3}
    assert "test 2 (3 studies)" in said("split", cohort)
    assert "train 2 (3 studies)" in said("split", cohort, "--fractions", 1, 0, 0, 0, "--overwrite")


def test_what_is_no_cohort_is_named(tmp_path: Path):
    with pytest.raises(MolreError, match=r"is not a cohort.*molre ingest"):
        said("split", tmp_path)


def test_split_says_what_the_patients_are_not_enough_for(cohort: Path, tmp_path: Path):
    reads = tmp_path / "reads.csv"
    reads.write_text("nr,skull_fracture\n1.1,1\n2.1,0\n")
    said("label", reads, "--cohort", cohort, "--id-column", "nr", "--source", "cq500")
    text = said("split", cohort)
    assert "skull_fracture: train " in text
    assert "warning: no finding has 10 patients with and 10 without it in test" in text
    content = json.loads(said("split", cohort, "--json"))
    assert sum(one["positives"] for one in content["findings"]) == 1
    assert any("in test" in words for words in content["warnings"])


def test_studies_of_one_patient_are_one_sentence(tmp_path: Path):
    path = tmp_path / "cohort"
    salt = open_salt(path / "salt", b"a salt for tests")
    patient = pseudonym(salt, "patient", "ANONYMOUS")
    rows = [{"patient": patient, "study": f"{i:016x}", "chosen": True} for i in range(12)]
    write_table(path / "scans.parquet", table(rows))
    write_facts(path, synthetic=False)
    with pytest.raises(MolreError, match=r"all 12 studies are of one patient.*Patient ID") as no:
        said("split", path)
    assert no.value.exit_code == 2
