"""Headings of TRIPOD+AI and CLAIM lead to files that are there."""

from __future__ import annotations

from molre.audit.headings import HEADINGS, NOT_REPORTED, headings


def test_headings_are_answered_by_files_that_are_there(trained, tmp_path):
    answered = headings(trained / "run")
    assert len(answered) == len(HEADINGS)
    for one, row in zip(HEADINGS, answered, strict=True):
        there = bool(one.file) and (trained / "run" / one.file).is_file()
        assert (row["where"] != NOT_REPORTED) == there
    assert {row["where"] for row in headings(tmp_path)} == {NOT_REPORTED}
