"""A real NIfTI that is not in HU, at the command line."""

from __future__ import annotations

from pathlib import Path

from tests.system import molre

from molre.cohort.rejects import read_rejects


def test_a_nifti_that_is_not_in_hu_is_rejected_by_name_with_the_remedy(
    shared: Path, tmp_path: Path
) -> None:
    scan = shared / "data/nifti/scct_not_hu.nii"
    said = molre("ingest", scan, "-o", tmp_path / "cohort", code=1)
    assert "not in HU" in said.stdout
    assert said.stderr == ""
    (row,) = read_rejects(tmp_path / "cohort/rejects.csv")
    assert row["file"] == str(scan)
    assert row["remedy"]
