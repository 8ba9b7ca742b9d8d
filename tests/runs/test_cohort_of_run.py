"""The cohort of a run is the one its manifest names, where that is, or where it was moved to."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from molre import files
from molre.cohort.cohort import write_table
from molre.errors import MolreError
from molre.runs.cohort_of_run import CohortOfRun
from tests.helpers.cohort.cohorts import write_cohort


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    path = write_cohort(tmp_path / "cohort", {"1.1": "p", "1.2": "q"})
    labels = pl.DataFrame({"study_id": ["a"], "finding": ["b"], "state": ["present"]})
    write_table(path / "labels.parquet", labels)
    return path


def test_it_is_opened_where_the_manifest_says(cohort: Path) -> None:
    of_run = CohortOfRun({"cohort": str(cohort)})
    assert of_run.is_there
    assert (of_run.place, of_run.name, of_run.opened.path) == (cohort, "cohort", cohort)
    assert of_run.scans_of(of_run.opened.chosen()["study"]).height == 2


def test_one_that_was_moved_is_where_it_is_now_and_keeps_its_name(cohort: Path) -> None:
    now = shutil.move(cohort, cohort.with_name("elsewhere"))
    assert not CohortOfRun({"cohort": str(cohort)}).is_there
    moved = CohortOfRun({"cohort": str(cohort)}, Path(now))
    assert moved.is_there
    assert (moved.place, moved.name) == (Path(now), "cohort")


@pytest.mark.parametrize("manifest", [{}, {"cohort": None}, {"cohort": ""}])
def test_no_cohort_is_not_the_folder_one_happens_to_be_in(
    cohort: Path, monkeypatch: pytest.MonkeyPatch, manifest: dict
) -> None:
    monkeypatch.chdir(cohort)
    of_run = CohortOfRun(manifest)
    assert (of_run.place, of_run.name, of_run.is_there) == (None, "", False)
    with pytest.raises(MolreError, match=r"that manifest\.json names is not there"):
        _ = of_run.opened


def test_a_study_that_has_gone_is_counted(cohort: Path) -> None:
    with pytest.raises(MolreError, match="no longer holds 1 of the test studies"):
        CohortOfRun({"cohort": str(cohort)}).scans_of(["a study that is gone"])


def test_labels_are_those_that_the_run_was_made_from(cohort: Path) -> None:
    made_from = {"labels_sha256": files.sha256(cohort / "labels.parquet")}
    of_run = CohortOfRun({"cohort": str(cohort)} | made_from)
    labels = of_run.labels()
    write_table(cohort / "labels.parquet", labels.with_columns(state=pl.lit("absent")))
    with pytest.raises(MolreError, match="labels have changed since the run was made"):
        of_run.labels()
