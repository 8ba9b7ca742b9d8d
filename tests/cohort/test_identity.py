"""Whose study it is: patients who share a UID, a folder, an accession number or their pixels."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from molre.cohort.ingest import Ingested, ingest
from molre.cohort.keys import pseudonym
from molre.cohort.pseudonym_map import write_map
from molre.cohort.rejects import read_rejects
from molre.ct.read import read_found
from molre.ct.survey import choose, survey
from tests.helpers.cohort.dicoms import write_study

SALT, UID, OTHER = b"a salt for tests", "1.2.10", "1.2.10.7"


def taken(scans: Path, out: Path) -> Ingested:
    return ingest([scans], out, salt=SALT, workers=1)


def study(folder: Path, patient: str, seed: int, **header: object) -> Path:
    """A small study of UID; ``header`` may give it another series, or take elements away."""
    return write_study(folder, UID, patient, seed, slices=8, **header)


def packed(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as into:
        for path in sorted(folder.rglob("*.dcm")):
            into.write(path, path.relative_to(folder.parent))
    shutil.rmtree(folder)


def said(done: Ingested) -> list[str]:
    return [row["reason"] for row in read_rejects(done.cohort.path / "rejects.csv")]


@pytest.mark.parametrize("where", ["folders", "one folder", "one zip", "two zips"])
def test_two_patients_under_one_study_uid_are_two_studies(tmp_path: Path, where: str):
    scans = tmp_path / "scans"
    first = study(scans / "a", "PID-1", 1)
    second = study(scans / "b", "PID-2", 2, SeriesInstanceUID=OTHER)
    if where == "one folder":
        for path in second.iterdir():
            path.rename(first / f"b{path.name}")
    if "zip" in where:
        packed(first, scans / "1.zip")
        packed(second, scans / ("1.zip" if where == "one zip" else "2.zip"))
    done = taken(scans, tmp_path / "c")
    table = done.cohort.chosen()
    assert (done.studies, done.exit_code, set(table["slices"])) == (2, 0, {8})
    assert set(table["patient"]) == {pseudonym(SALT, "patient", p) for p in ("PID-1", "PID-2")}
    volumes = [read_found(choose(one)[0]) for one in survey([scans]).studies]
    assert len({volume.study_folder for volume in volumes}) == 2
    write_map([scans], done.cohort.path, SALT, tmp_path / "map.csv")
    rows = read_rejects(tmp_path / "map.csv")
    assert {row["study"] for row in rows} == set(table["study"])
    assert {row["study_instance_uid"] for row in rows} == {UID}


def test_a_series_of_two_patients_is_refused_and_both_are_lost(tmp_path: Path):
    scans = tmp_path / "scans"
    study(scans / "a", "PID-1", 1), study(scans / "b", "PID-2", 2)
    study(scans / "good", "PID-3", 3, StudyInstanceUID="1.2.11", SeriesInstanceUID="1.2.11.1")
    done = taken(scans, tmp_path / "c")
    assert (done.studies, done.rejected, done.exit_code) == (1, 2, 1)
    assert set(said(done)) == {"its Series Instance UID belongs to two patients"}


@pytest.mark.parametrize(
    "other", ["pid-1", " PID-1 ", "PID -1", "\uff30ID-1", "", "ANONYMOUS", "0"]
)
def test_spellings_of_an_id_and_files_without_one_are_the_same_patient(tmp_path: Path, other: str):
    scans = tmp_path / "scans"
    study(scans, "PID-1", 1)
    charset = {"SpecificCharacterSet": "ISO_IR 192"}
    write_study(tmp_path / "b", UID, other, 1, slices=8, **charset)
    for name in ("02.dcm", "05.dcm"):
        (tmp_path / "b" / name).replace(scans / name)
    done = taken(scans, tmp_path / "c")
    (row,) = done.cohort.scans().to_dicts()
    assert (row["slices"], done.exit_code) == (8, 0)
    assert row["patient"] == pseudonym(SALT, "patient", "PID-1")


def test_zeros_that_pad_an_id_are_no_other_patient(tmp_path: Path):
    study(tmp_path / "scans" / "a", "0042", 1)
    study(tmp_path / "scans" / "b", "42", 2, SeriesInstanceUID=OTHER)
    assert taken(tmp_path / "scans", tmp_path / "c").studies == 1


def test_files_that_name_nobody_go_with_their_series_or_are_refused(tmp_path: Path):
    scans = tmp_path / "scans"
    study(scans / "a", "PID-1", 1), study(scans / "b", "PID-2", 2, SeriesInstanceUID=OTHER)
    study(tmp_path / "n", "", 1), study(scans / "x", "", 3, SeriesInstanceUID=f"{UID}.8")
    (tmp_path / "n" / "03.dcm").replace(scans / "a" / "03.dcm")
    done = taken(scans, tmp_path / "c")
    assert (sorted(done.cohort.scans()["slices"]), done.exit_code) == ([8, 8], 1)
    assert {reason.split(",")[0] for reason in said(done)} == {
        "two patients share its Study Instance UID"
    }


@pytest.mark.parametrize("one_zip", [False, True])
@pytest.mark.parametrize("accession", ["", "0", "ACC1"])
def test_without_a_study_uid_an_archive_or_a_folder_in_it_is_a_study(
    tmp_path: Path, one_zip: bool, accession: str
):
    scans, none = tmp_path / "scans", {"StudyInstanceUID": "", "AccessionNumber": accession}
    scans.mkdir()
    for number in (1, 2, 3):
        folder = study(tmp_path / f"p{number}", "", number, **none)
        packed(folder, scans / ("all.zip" if one_zip else f"{number}.zip"))
    done = taken(scans, tmp_path / "c")
    assert (done.studies, done.exit_code, said(done)) == (3, 0, [])
    assert done.cohort.scans()["patient"].n_unique() == 3
    assert taken(scans, tmp_path / "c").read == 0


def test_without_a_study_uid_patients_in_one_folder_are_told_apart(tmp_path: Path):
    none = {"StudyInstanceUID": ""}
    for number in (1, 2):
        folder = study(tmp_path / f"{number}", f"P{number}", number, **none)
        for path in sorted(folder.iterdir()):
            path.rename(tmp_path / "1" / f"{number}{path.name}")
    refused = survey([tmp_path / "1"])
    assert not refused.studies  # one Series Instance UID
    assert len(refused.rejects) == 16
    study(tmp_path / "s", "P1", 1, **none)
    for path in study(tmp_path / "t", "P2", 2, SeriesInstanceUID=OTHER, **none).iterdir():
        path.rename(tmp_path / "s" / f"t{path.name}")
    assert len(survey([tmp_path / "s"]).studies) == 2


def test_one_accession_number_of_two_hospitals_is_two_studies(tmp_path: Path):
    none = {"StudyInstanceUID": "", "AccessionNumber": "100", "SeriesInstanceUID": ""}
    study(tmp_path / "s" / "a", "P1", 1, **none), study(tmp_path / "s" / "b", "P2", 2, **none)
    done = taken(tmp_path / "s", tmp_path / "c")
    assert (done.studies, said(done)) == (2, [])


def test_equal_pixels_are_a_copy_only_of_the_same_patient(tmp_path: Path):
    none = {"StudyInstanceUID": "", "SeriesInstanceUID": ""}
    study(tmp_path / "s" / "a", "P1", 1, **none), study(tmp_path / "s" / "b", "P1", 1, **none)
    done = taken(tmp_path / "s", tmp_path / "c")
    assert (done.studies, done.exit_code) == (1, 0)
    study(tmp_path / "s" / "c", "P2", 1, **none)
    done = taken(tmp_path / "s", tmp_path / "c")
    assert (done.studies, done.rejected, done.exit_code) == (1, 1, 1)
    assert any("under another Patient ID" in reason for reason in said(done))


def test_who_comes_later_under_a_uid_takes_nobodys_place_and_keeps_the_key(tmp_path: Path):
    first = study(tmp_path / "s" / "a", "PID-1", 1)
    second = study(tmp_path / "s" / "b", "PID-2", 2, SeriesInstanceUID=OTHER)
    alone = ingest([first], tmp_path / "c", salt=SALT).cohort.scans()["study"].to_list()
    assert alone == [pseudonym(SALT, "study", UID)]
    both = ingest([second], tmp_path / "c").cohort.scans()["study"].to_list()
    assert (len(both), set(alone) <= set(both)) == (2, True)
    for paths in ([tmp_path / "s"], [second], [first]):
        again = ingest(paths, tmp_path / "c")
        assert (again.read, again.exit_code) == (0, 0)
        assert again.cohort.scans()["study"].to_list() == both


def test_a_study_that_another_version_read_is_read_again_or_named(tmp_path: Path):
    first = study(tmp_path / "s" / "a", "PID-1", 1)
    second = write_study(tmp_path / "s" / "b", "1.2.11", "PID-2", 2, slices=8)
    taken(tmp_path / "s", tmp_path / "c")
    for path in (tmp_path / "c" / "state").glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 3}))
    done = ingest([first], tmp_path / "c")
    assert (done.studies, done.read, done.rejected, done.exit_code) == (1, 1, 1, 1)
    assert said(done) == ["was read by another version of molre, with other rules"]
    done = ingest([second], tmp_path / "c")
    assert (done.studies, done.exit_code, said(done)) == (2, 0, [])
