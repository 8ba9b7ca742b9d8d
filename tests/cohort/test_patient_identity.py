"""One patient is one patient however the Patient ID is written; what contradicts it is said."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from molre.cohort.cohort import Cohort
from molre.cohort.ingest import Ingested, ingest
from molre.cohort.keys import pseudonym
from molre.cohort.match import match_labels
from molre.cohort.rejects import read_rejects
from molre.cohort.split import split
from molre.cohort.support import warnings
from molre.errors import MolreError
from tests.helpers.cohort.dicoms import write_study

SALT = b"a salt for tests"


def taken(path: Path, patients: list[str], **headers: list[str]) -> Ingested:
    """A cohort of a study for each patient; ``headers`` has a value a study."""
    for n, patient in enumerate(patients):
        own = {name: values[n] for name, values in headers.items()}
        own["SpecificCharacterSet"] = "ISO_IR 192"
        write_study(path / "s" / f"f{n}", f"1.2.{n + 10}", patient, n, slices=2, **own)
    return ingest([path / "s"], path / "c", salt=SALT, workers=1)


def patients_of(done: Ingested) -> list[str]:
    """By the studies' folders, in order."""
    rows = done.cohort.scans().select("path", "patient").rows()
    return [patient for _, patient in sorted(rows, key=lambda row: row[0])]


def said(cohort: Cohort) -> str:
    return " ".join(warnings(cohort, []))


def test_all_spellings_of_an_id_are_one_patient_in_one_split(tmp_path: Path):
    spellings = ["00123", "123", "abc-9", "ABC-9", "ABC -9", "P\uff11", "P1", "other"]
    done = taken(tmp_path, spellings)
    keys = patients_of(done)
    assert len(set(keys)) == 4
    assert [keys[a] == keys[b] for a, b in [(0, 1), (2, 3), (3, 4), (5, 6)]] == [True] * 4
    assert len(split(tmp_path / "c")) == 4
    assert "3 patients are written in several ways" in said(done.cohort)


def test_a_patient_who_is_split_keeps_the_key_when_another_spelling_comes(tmp_path: Path):
    first = patients_of(taken(tmp_path, ["00123", "b", "c", "d"]))
    before = split(tmp_path / "c")
    both = patients_of(taken(tmp_path, ["00123", "b", "c", "d", "123", "0123"]))
    assert both[:4] == first
    assert both[4:] == first[:1] * 2
    assert split(tmp_path / "c").equals(before)


def test_a_copy_under_another_spelling_is_a_copy(tmp_path: Path):
    none = {"StudyInstanceUID": "", "SeriesInstanceUID": ""}
    for n, patient in enumerate(["042", "42"]):
        write_study(tmp_path / "s" / str(n), "1.2.3", patient, slices=1, **none)
    done = ingest([tmp_path / "s"], tmp_path / "c", salt=SALT, workers=1)
    (row,) = read_rejects(tmp_path / "c" / "rejects.csv")
    assert (done.studies, done.exit_code, "Patient ID" in row["reason"]) == (1, 0, False)


def label(path: Path, column: str, *names: str) -> tuple[set[str], str]:
    """Folders of the studies that have labels, and what was said."""
    with open(path / "t.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[column, "skull_fracture"], *([n, 1] for n in names)])
    try:
        done = match_labels(path / "c", path / "t.csv", overwrite=True)
    except MolreError as error:
        return set(), str(error)
    scans = Cohort(path / "c").scans().select("study", "path")
    labeled = pl.read_parquet(path / "c" / "labels.parquet").select(study="study_id").unique()
    found = labeled.join(scans, on="study")["path"].to_list()
    return {Path(one).name for one in found}, done.as_text() + done.as_json()


def test_a_name_in_any_spelling_stands_for_the_patients_only_study(tmp_path: Path):
    taken(tmp_path, ["00123", "123", "0042", "ANONYMOUS", "N/A", "x"])
    for name in ("0042",):
        assert label(tmp_path, "patient_id", name)[0] == {"f2"}
    for name in ("123", "00123"):  # two studies
        found, words = label(tmp_path, "patient_id", name, "0042")
        assert (found, "2 studies here" in words) == ({"f2"}, True)
    for name in ("42", "ANONYMOUS", "N/A", "unknown"):
        assert label(tmp_path, "patient_id", name, "0042")[0] == {"f2"}


def test_a_word_in_place_of_an_accession_number_joins_no_study(tmp_path: Path):
    numbers = ["NA", "Unknown", "0", "none", "A7"]
    taken(tmp_path, [f"P{n}" for n in range(5)], AccessionNumber=numbers)
    found, words = label(tmp_path, "accession", *numbers)
    assert (found, "such a word" in words) == ({"f4"}, True)
    pseudonyms = Cohort(tmp_path / "c").scans()["aliases"].explode().to_list()
    assert pseudonym(SALT, "study", "NA") not in pseudonyms


def test_what_was_taken_for_granted_about_a_name_is_said(tmp_path: Path):
    taken(tmp_path, ["7", "8", "9"], AccessionNumber=["9", "1002", "1003"])
    found, words = label(tmp_path, "study", "7", "8")
    assert found == {"f0", "f1"}
    assert "'7' and 1 more are taken as the ID of a patient" in words
    found, words = label(tmp_path, "study", "9")
    assert (found, "'9' is both the name of a study and the ID of a patient" in words) == (
        {"f0"},
        True,
    )
    for column, name in (("patient_id", "7"), ("accession", "9"), ("study", "f1")):
        assert "note" not in label(tmp_path, column, name)[1]
    found, words = label(tmp_path, "folder", "/mnt/b/f0", "/mnt/b/f1")
    assert (found, "what follows /mnt/b was compared" in words) == ({"f0", "f1"}, True)


@pytest.mark.parametrize(
    ("ids", "names", "births", "says"),
    [
        (["P1", "P2", "P3"], ["DOE^ANNA", "ANNA^DOE", "X^Y"], ["19500312", "19500312", ""],
         "2 patients are listed with the name and birth date of another"),
        (["P1", "P1", "P3"], ["DOE^ANNA", "ROE^BOB", ""], ["19500312", "19600401", ""],
         "1 patient is listed with several birth dates under one Patient ID"),
        (["P1", "", "ANONYMOUS"], ["", "", ""], ["", "", ""], "2 of 3 studies have no Patient ID"),
        (["P1", "P2", "P3"], ["DOE^ANNA", "DOE^EVE", ""], ["19500312", "19500312", ""], ""),
        (["P1", "P2", "P3"], ["ANON", "ANON", "ANON"], ["19500312"] * 3, ""),
        (["P1", "P1", "P3"], ["DOE^ANNA", "SMITH^ANNA", ""], ["19500312", "19500312", ""], ""),
    ],
)  # fmt: skip
def test_ids_that_names_and_birth_dates_contradict_are_said_and_not_changed(
    tmp_path: Path, ids: list[str], names: list[str], births: list[str], says: str
):
    done = taken(tmp_path, ids, PatientName=names, PatientBirthDate=births)
    assert len(set(patients_of(done))) == len(set(ids))
    assert says in said(done.cohort)
    assert bool(says) == bool(said(done.cohort))
