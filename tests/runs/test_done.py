"""A run that is there is done only if it is of the same settings, data and patients."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.cohort.cohort import Cohort, write_table
from molre.errors import MolreError
from molre.runs.done import is_done
from molre.runs.folder import RunFolder
from molre.runs.manifest import write_manifest
from molre.runs.studies import SCHEMA
from tests.helpers.cohort.cohorts import write_cohort

WANTED = {"arm": "molre", "seed": 0, "include_not_head": False}
HASHES = {"scans_sha256": "a", "labels_sha256": "b"}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.write_config(WANTED)
    write_manifest(folder, HASHES)
    return folder


@pytest.fixture
def cohort(tmp_path: Path, run: RunFolder) -> Cohort:
    """Two patients, one of them in train, both as the run has them."""
    cohort = Cohort(write_cohort(tmp_path / "cohort", {"1.1": "p", "1.2": "q"}))
    chosen = cohort.chosen().sort("patient")
    lines = zip(chosen["patient"], ("test", "train"), strict=True)
    text = "patient,split\n" + "".join(f"{patient},{split}\n" for patient, split in lines)
    (cohort.path / "splits.csv").write_text(text)
    rows = chosen.join(cohort.splits(), on="patient").select("study", "patient", "split")
    empty = dict.fromkeys(["content_hash", "familiarity"])
    run.write_table("studies", rows.with_columns(**empty).select(*SCHEMA))
    return cohort


def test_the_same_settings_and_data_are_done(run: RunFolder, cohort: Cohort) -> None:
    assert is_done(run, WANTED, {}, HASHES, cohort)


def test_nothing_or_an_interrupted_run_is_not(run: RunFolder, tmp_path: Path) -> None:
    assert not is_done(RunFolder(tmp_path / "nothing"), WANTED, {}, HASHES)
    run.manifest.unlink()
    assert not is_done(run, WANTED, {}, HASHES)


def test_a_setting_of_later_had_its_default(run: RunFolder) -> None:
    later = WANTED | {"gamma": 2.0}
    assert is_done(run, later, {"gamma": 2.0}, HASHES)
    with pytest.raises(MolreError, match="another configuration"):
        is_done(run, later, {"gamma": 1.0}, HASHES)


def test_a_contract_by_the_first_names_of_its_fields_is_the_same(run: RunFolder) -> None:
    run.write_config(WANTED | {"contract": {"resize": "picture", "grey_levels": 8}})
    now = {"contract": {"resize": "image", "gray_levels": 8}}
    assert is_done(run, WANTED | now, {"contract": None}, HASHES)


def test_data_that_changed_are_named(run: RunFolder) -> None:
    with pytest.raises(MolreError, match="from before the cohort's labels changed"):
        is_done(run, WANTED, {}, HASHES | {"labels_sha256": "c"})


def test_a_patient_in_another_split_or_no_longer_a_head_is_another_run(
    run: RunFolder, cohort: Cohort
) -> None:
    scans = cohort.scans()
    write_table(cohort.path / "scans.parquet", scans.with_columns(head=False))
    with pytest.raises(MolreError, match="patients or head checks changed"):
        is_done(run, WANTED, {}, HASHES, cohort)
    every = WANTED | {"include_not_head": True}
    run.write_config(every)
    assert is_done(run, every, {}, HASHES, cohort)
    splits = cohort.path / "splits.csv"
    splits.write_text(splits.read_text().replace("train", "tune"))
    with pytest.raises(MolreError, match="patients or head checks changed"):
        is_done(run, every, {}, HASHES, cohort)
