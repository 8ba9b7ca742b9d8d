"""The list of files without a test file may only shrink."""

from __future__ import annotations

from tests.house.mirror import complaints, without_mirror

TRACKED = [
    "src/molre/pipeline.py", "tests/test_pipeline.py",
    "src/molre/ct/read.py", "src/molre/ct/files/walk.py", "tests/ct/test_walk.py",
    "src/molre/ct/__init__.py", "src/molre/labels/findings.csv",
]  # fmt: skip


def test_a_test_file_has_the_name_and_the_folder_of_its_source() -> None:
    assert without_mirror(TRACKED) == ["ct/files/walk.py", "ct/read.py"]


def test_new_files_without_a_test_and_listed_ones_with_one_are_said() -> None:
    assert complaints(["a/x.py"], ["a/x.py"]) == []
    (new,) = complaints(["a/x.py", "a/y.py"], ["a/x.py"])
    assert "a/y.py has no test file" in new
    (old,) = complaints([], ["a/x.py"])
    assert "take it off" in old
