"""What joins an answer to what was given: paths by their numbers, places, printable names."""

from __future__ import annotations

import os
from pathlib import Path

from molre.ct.listing import Reject
from molre.workflows.study_answers import inputs_of, no_scans, printable


def test_a_file_is_of_every_path_that_holds_it_an_archive_too() -> None:
    paths = ["/data", "/data/a", "/data/b", "/data/a/x.zip"]
    assert inputs_of(["/data/a/x.zip!1.dcm"], paths) == (1, 2, 4)
    assert inputs_of(["/data/ab/1.dcm"], paths) == (1,)
    assert inputs_of(["/other/1.dcm"], paths) == ()


def test_what_is_not_a_scan_is_named_and_what_lies_in_out_is_not(tmp_path: Path) -> None:
    rejects = [
        Reject("/data/a.pdf", None, "no scan", "", dicom=False),
        Reject(f"{tmp_path}/index.html", None, "no scan", "", dicom=False),
        Reject("/data/mr.dcm", "1.2", "is MR", ""),
    ]
    assert [r.file for r in no_scans(rejects, tmp_path)] == ["/data/a.pdf"]


def test_bytes_that_are_not_utf_8_are_spelt_out() -> None:
    assert printable(os.fsdecode(b"caf\xe9.nii")) == "caf\\xe9.nii"
    assert printable("caf\u00e9.nii") == "caf\u00e9.nii"
