"""rejects.csv: one table for every verb, written anew, and read as it was written."""

from __future__ import annotations

import os
from pathlib import Path

from molre.cohort.rejects import COLUMNS, Rejected, read_rejects, write_rejects
from molre.ct.listing import Reject

A = Rejected("/a.dcm", "s1", "is empty", "copy it again")


def test_rows_are_sorted_and_read_as_written(tmp_path: Path) -> None:
    odd = Rejected('/b,\n"c".dcm', "", "a, b", "x")
    write_rejects(tmp_path / "rejects.csv", [odd, A])
    first, second = read_rejects(tmp_path / "rejects.csv")
    assert tuple(first) == COLUMNS == ("file", "study", "reason", "remedy")
    assert tuple(first.values()) == ("/a.dcm", "s1", "is empty", "copy it again")
    assert second["file"] == odd.file


def test_the_table_of_a_run_before_does_not_stay(tmp_path: Path) -> None:
    write_rejects(tmp_path / "rejects.csv", [A])
    write_rejects(tmp_path / "rejects.csv", [])
    assert (tmp_path / "rejects.csv").read_text() == "file,study,reason,remedy\n"
    assert read_rejects(tmp_path / "rejects.csv") == []


def test_names_that_are_not_utf_8_are_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"/h\xe9.dcm")
    write_rejects(tmp_path / "rejects.csv", [Rejected(name, "", f"{name} is empty", "")])
    (row,) = read_rejects(tmp_path / "rejects.csv")
    assert (row["file"], row["reason"]) == ("/h\\xe9.dcm", "/h\\xe9.dcm is empty")


def test_a_localizer_of_a_study_that_was_read_is_no_loss() -> None:
    def lost(used: bool, **more: object) -> bool:
        known = {"file": "a", "study": "1.2", "reason": "x", "remedy": "y"} | more
        return Rejected.of_file(Reject(**known), b"salt", used).lost  # type: ignore[arg-type]

    assert not lost(True)
    assert lost(False)
    assert lost(True, study=None)
    assert not lost(False, dicom=False)
    assert lost(False, dicom=False, closed=True)


def test_a_study_goes_by_its_pseudonym_and_a_path_by_nothing() -> None:
    known = {"file": "a", "reason": "x", "remedy": "y"}
    named = Rejected.of_file(Reject(study="1.2.3", **known), b"salt", used=True)
    assert named.study
    assert "1.2.3" not in named.study
    assert Rejected.of_file(Reject(study="path:/a", **known), b"salt", used=True).study == ""
