"""What a cohort's labels will be enough for is said before anything is trained."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from molre.cohort.cohort import SPLITS, Cohort, write_table
from molre.cohort.keys import pseudonym
from molre.cohort.split import split
from molre.cohort.support import UNSPLIT, Support, as_lines, supports, warnings
from tests.helpers.cohort.cohorts import SALT, write_cohort


def cohort(path: Path, patients: int, ill: int, studies: int = 1, unknown: int = 0) -> Cohort:
    """The first patients have a fracture in their first study, the last ones no label at all."""
    names = {f"s{p}.{i}": f"p{p}" for p in range(patients) for i in range(studies)}
    write_cohort(path, names)
    rows = [
        {
            "study_id": pseudonym(SALT, "study", name),
            "finding": "skull_fracture",
            "state": "present" if int(owner[1:]) < ill and name.endswith(".0") else "absent",
            "source": "reader",
            "labeller": "",
            "evidence": "",
        }
        for name, owner in names.items()
        if int(owner[1:]) < patients - unknown
    ]
    write_table(path / "labels.parquet", pl.DataFrame(rows))
    return Cohort(path)


def test_patients_are_counted_before_and_after_they_are_split(tmp_path: Path):
    opened = cohort(tmp_path, patients=40, ill=15, studies=2, unknown=5)
    assert supports(opened) == [Support("skull_fracture", UNSPLIT, 15, 20)]
    assert as_lines(supports(opened)) == ["  skull_fracture: all 15 with, 20 without"]
    split(opened.path)
    counts = supports(opened)
    assert [one.split for one in counts] == list(SPLITS)
    assert sum(one.positives for one in counts) == 15
    assert sum(one.negatives for one in counts) == 20


def test_counts_are_those_of_a_slow_reference(tmp_path: Path):
    opened = cohort(tmp_path, patients=30, ill=9, studies=3)
    dealt = dict(split(opened.path).iter_rows())
    state = dict(opened.labels().select("study_id", "state").iter_rows())
    of_patient: dict[str, set[str]] = {}
    for study, patient in opened.scans().select("study", "patient").iter_rows():
        of_patient.setdefault(patient, set()).add(state[study])
    for one in supports(opened):
        here = [of_patient[p] for p in of_patient if dealt[p] == one.split]
        assert one.positives == sum("present" in states for states in here)
        assert one.negatives == sum("present" not in states for states in here)


def test_a_cohort_without_labels_has_no_counts(tmp_path: Path):
    assert supports(Cohort(write_cohort(tmp_path, {"s": "p"}))) == []


def test_a_cohort_that_is_large_enough_has_no_warnings(tmp_path: Path):
    opened = cohort(tmp_path, patients=200, ill=100)
    split(opened.path)
    assert warnings(opened, supports(opened)) == []


def test_too_few_for_an_auc_is_said_with_how_many_it_takes(tmp_path: Path):
    opened = cohort(tmp_path, patients=40, ill=20)
    split(opened.path)
    said = "\n".join(warnings(opened, supports(opened)))
    assert "no finding has 10 patients with and 10 without it in test: no AUC" in said
    assert "about 100 patients are needed" in said  # a fifth in test, half of them ill
    assert "no calibrated probabilities" in said


def test_it_is_enough_for_an_auc_once_there_are_as_many(tmp_path: Path):
    opened = cohort(tmp_path, patients=120, ill=60)
    split(opened.path)
    assert not any("AUC" in words for words in warnings(opened, supports(opened)))


def test_a_finding_nobody_is_without_is_not_promised_anything(tmp_path: Path):
    opened = cohort(tmp_path, patients=40, ill=40)
    split(opened.path)
    said = "\n".join(warnings(opened, supports(opened)))
    assert "no AUC" in said
    assert "are needed" not in said


def test_a_split_without_patients_is_said(tmp_path: Path):
    opened = Cohort(write_cohort(tmp_path, {"s1": "p1", "s2": "p2"}))
    split(opened.path, (0.5, 0, 0, 0.5))
    said = warnings(opened, [])
    assert [words.split()[0] for words in said] == ["tune", "calibrate"]


@pytest.mark.parametrize(
    ("studies", "said"), [(2, ""), (9, "9 of 10 studies are of one patient"), (5, "")]
)
def test_one_patient_with_most_studies_is_said(tmp_path: Path, studies: int, said: str):
    names = {f"s{i}": "p" if i < studies else f"p{i}" for i in range(10)}
    opened = Cohort(write_cohort(tmp_path, names))
    found = "\n".join(warnings(opened, []))
    assert (said in found) if said else ("one patient" not in found)
