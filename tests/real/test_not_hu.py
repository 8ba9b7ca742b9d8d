"""A real NIfTI that is not in HU, at the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molre.cohort.ingest import ingest
from molre.cohort.rejects import read_rejects
from molre.ct.files.entries import Entries
from molre.ct.nifti.hu_map import HuMap
from molre.ct.nifti.nifti import read_nifti
from molre.embedding.embed import embed
from molre.errors import RefusedScan
from tests.helpers.system import molre


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


def test_it_is_read_with_the_map_of_its_units_and_no_other(shared: Path) -> None:
    """The template scct in Cormack units; its toolbox puts brain near 25 and CSF near 0 HU."""
    scan = str(shared / "data/nifti/scct_not_hu.nii")
    with Entries() as entries:
        volume = read_nifti(scan, entries, HuMap.parse("cormack"))
        for other in ("h2c", "1:-1024"):
            with pytest.raises(RefusedScan, match="where brain is near 35"):
                read_nifti(scan, entries, HuMap.parse(other))
    assert volume.hu.shape == (91, 109, 91)
    middle = volume.hu[35:60, 35:75, 30:60]
    assert 15 <= np.median(middle) <= 35
    assert volume.hu.min() == -1024
    assert 500 < volume.hu.max() < 1500
    with pytest.raises(RefusedScan, match="not in HU") as refused, Entries() as entries:
        read_nifti(scan, entries)
    assert "--hu-map cormack" in (refused.value.fix or "")


def test_a_cohort_of_cormack_units_is_embedded_without_being_told_again(
    shared: Path, tmp_path: Path
) -> None:
    path = tmp_path / "scct.nii"
    path.write_bytes((shared / "data/nifti/scct_not_hu.nii").read_bytes())
    assert ingest([path], tmp_path / "plain").exit_code == 1
    assert "--hu-map cormack" in (tmp_path / "plain" / "rejects.csv").read_text()
    done = ingest([path], tmp_path / "cohort", hu_map="cormack")
    (row,) = done.cohort.chosen().to_dicts()
    assert row["hu_map"] == "cormack"
    assert any("cormack" in note for note in row["notes"])
    assert embed(done.cohort.path, "efficientnet_lite0", workers=1).failed == ()
    assert ingest([path], tmp_path / "cohort", hu_map="cormack").read == 0
