from __future__ import annotations

from molre.labels.datasets.labels_of_set import LabelsOfSet
from molre.labels.findings import findings
from molre.labels.read_labels import read_labels

ROWS = [
    ("s1", "skull_fracture", "present", "readers 3 of 3"),
    ("s1", "epidural_hemorrhage", "absent", "readers 1 of 3"),
    ("s2", "skull_fracture", "uncertain", ""),
]
LABELS = LabelsOfSet.of(ROWS, "study", "CQ500", "three readers", ["one note"])


def test_it_is_a_long_table_that_molre_reads():
    name, long = read_labels(LABELS.long, findings())
    assert name == "study"
    assert set(long["source"]) == {"CQ500"}
    assert set(long["labeller"]) == {"three readers"}
    epidural = long.filter((long["id"] == "s1") & (long["finding"] == "epidural_hemorrhage"))
    assert epidural["evidence"].to_list() == ["readers 1 of 3"]


def test_what_is_not_labeled_has_no_row_and_is_not_mentioned_when_read():
    assert LABELS.long.height == len(ROWS)
    long = read_labels(LABELS.long, findings())[1]
    rest = long.filter((long["id"] == "s1") & (long["finding"] == "hydrocephalus"))
    assert rest["state"].to_list() == ["not_mentioned"]


def test_it_says_in_one_sentence_what_it_holds():
    said = LABELS.as_text()
    assert said == "2 studies, 2 findings: 1 present, 1 absent, 1 uncertain\nnote: one note"
