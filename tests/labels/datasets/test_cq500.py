"""CQ500: three readers, a majority, and who disagreed."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.labels.datasets.cq500 import majority, one_reader, read_reads, spellings
from molre.labels.datasets.labels_of_set import LabelsOfSet
from molre.labels.findings import findings
from molre.labels.read_labels import read_labels
from tests.helpers.labels.published import write_reads

TABLE = findings()
NOTHING: set[str] = set()


def state_and_evidence(labels: LabelsOfSet, study: str, finding: str) -> tuple[str, str]:
    of = labels.long.filter(labels.long["patient_id"] == study)
    return of.filter(of["finding"] == finding).select("state", "evidence").row(0)


@pytest.fixture
def reads(tmp_path: Path) -> Path:
    path = tmp_path / "reads.csv"
    said = {
        "CQ500-CT-7": ({"ICH", "SDH"}, {"ICH", "SDH"}, {"ICH"}),
        "CQ500-CT-12": ({"Fracture", "CalvarialFracture"}, NOTHING, NOTHING),
        "CQ500-CT-0": ({"ChronicBleed", "OtherFracture"},) * 3,
    }
    write_reads(path, said)
    return path


def test_two_readers_of_three_decide_and_the_evidence_says_how_many(reads: Path):
    labels = majority(read_reads(reads, TABLE), TABLE)
    subdural = state_and_evidence(labels, "CQ500-CT-7", "subdural_hemorrhage")
    assert subdural == ("present", "readers 2 of 3")
    fracture = state_and_evidence(labels, "CQ500-CT-12", "skull_fracture")
    assert fracture == ("absent", "readers 1 of 3")
    assert set(labels.long["source"]) == {"CQ500"}
    assert set(labels.long["labeller"]) == {"CQ500 majority of 3 readers"}
    assert labels.notes == ("readers disagreed in 3 of 30 labels; the majority decided",)


def test_only_columns_that_mean_a_finding_exactly_are_labels(reads: Path):
    labels = majority(read_reads(reads, TABLE), TABLE)
    third = labels.long.filter(labels.long["patient_id"] == "CQ500-CT-0")
    assert set(third["state"]) == {"absent"}
    assert len(third) == 10
    assert set(third["finding"]) == {f.id for f in TABLE if f.cq500}


@pytest.mark.parametrize(("reader", "state"), [(1, "present"), (2, "present"), (3, "absent")])
def test_each_reader_has_a_table_of_their_own(reads: Path, reader: int, state: str):
    labels = one_reader(read_reads(reads, TABLE), reader, TABLE)
    subdural = state_and_evidence(labels, "CQ500-CT-7", "subdural_hemorrhage")
    assert subdural == (state, f"reader {reader}")
    assert set(labels.long["labeller"]) == {f"CQ500 reader {reader}"}


def test_there_is_no_fourth_reader(reads: Path):
    with pytest.raises(MolreError, match=r"no reader 4\. Choose 1, 2 or 3"):
        one_reader(read_reads(reads, TABLE), 4, TABLE)


def test_a_narrower_finding_decides_where_votes_contradict_the_hierarchy(tmp_path: Path):
    path = tmp_path / "reads.csv"
    shift, both = {"MidlineShift"}, {"MidlineShift", "MassEffect"}
    write_reads(path, {"CQ500-CT-1": (shift, both, NOTHING)})
    labels = majority(read_reads(path, TABLE), TABLE)
    effect = state_and_evidence(labels, "CQ500-CT-1", "mass_effect")
    assert effect == ("present", "readers 1 of 3; present by midline_shift")
    assert labels.notes[1] == "labels that are present because a narrower finding is: 1"
    read_labels(labels.long, TABLE)  # does not contradict itself


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("R3:SAH", "R3:Other", "has no column R3:SAH"),
        ("CQ500-CT-12", "CQ500-CT-7", "'CQ500-CT-7' is on line 2 and again on line 3"),
        ("CQ500-CT-12", "", "line 3 has no name"),
        ("B1,1", "B1,2", "line 2, column R1:ICH: value '2' is not 0 or 1"),
        ("B1,1", "B1,", "line 2, column R1:ICH: value '' is not 0 or 1"),
    ],
)
def test_a_bad_file_is_one_sentence(reads: Path, old: str, new: str, said: str):
    reads.write_text(reads.read_text().replace(old, new, 1))
    with pytest.raises(MolreError, match=said):
        read_reads(reads, TABLE)


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("name,R1:ICH\n", "has no rows")])
def test_an_empty_file_is_one_sentence(tmp_path: Path, text: str, said: str):
    path = tmp_path / "reads.csv"
    path.write_text(text)
    with pytest.raises(MolreError, match=said):
        read_reads(path, TABLE)


def test_scans_are_spelled_as_in_reads_and_as_on_disk():
    known = ("CQ500-CT-427", "CQ500CT427 CQ500CT427", "CQ500CT427")
    assert spellings("CQ500-CT-427") == known


def test_the_published_reads(shared: Path):
    reads = read_reads(shared / "data/reports/cq500_reads.csv", TABLE)
    assert reads.said.shape == (3, 491, 10)
    first = dict(zip(reads.findings, reads.said[0].sum(axis=0).tolist(), strict=True))
    assert first["intracranial_hemorrhage"] == 230
    assert first["epidural_hemorrhage"] == 10
    labels = majority(reads, TABLE)
    assert labels.as_text().startswith("491 studies, 10 findings: 758 present, 4152 absent")
    assert len(labels.notes) == 1  # no vote contradicts the hierarchy
