"""A frozen model on another cohort: the same answers, nothing fitted, nothing it has seen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from molre.cohort.cohort import write_table
from molre.cohort.rejects import read_rejects
from molre.errors import MolreError
from molre.runs.run import read_run
from molre.training.config import resolve
from molre.training.train import train
from molre.workflows.evaluate_external import evaluate_external
from tests.helpers.cli.ready import FINDINGS, write_ready


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    """A cohort and a run on it."""
    folder = tmp_path_factory.mktemp("external")
    cohort = write_ready(folder / "cohort", 80)
    config = resolve(None, ["max_epochs=3", "learning_rates=[0.003]"], arm="frozen")
    return cohort, train(cohort, folder / "run", config)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another cohort, with its own salt and so its own keys."""
    return write_ready(tmp_path / "other", 40, salt=b"another salt")


def test_every_study_is_scored_by_the_frozen_model(made, other, tmp_path):
    _, run = made
    evaluation = evaluate_external(other, run, tmp_path / "out")
    assert (evaluation.studies, evaluation.run.findings) == (40, tuple(sorted(FINDINGS)))
    own, theirs = read_run(run), evaluation.run
    assert theirs.thresholds == own.thresholds
    assert theirs.calibrate is not None
    np.testing.assert_array_equal(theirs.calibrate.logits, own.calibrate.logits)
    slope, intercepts = own.model["slope"], np.array(own.model["intercepts"])
    expected = 1 / (1 + np.exp(-(slope * theirs.logits + intercepts)))
    np.testing.assert_allclose(theirs.probabilities, expected, atol=1e-6)
    assert theirs.synthetic
    assert "nothing was fitted" in (tmp_path / "out" / "report.html").read_text()
    facts = json.loads((tmp_path / "out" / "manifest.json").read_text())["external"]
    assert facts["overlap"]["studies"] == 0
    assert "different salts" in facts["overlap"]["compared"]


def test_a_cohort_the_model_has_learned_from_is_refused_or_left_out_and_counted(made, tmp_path):
    cohort, run = made
    with pytest.raises(MolreError, match="72 of its studies were in the model's making"):
        evaluate_external(cohort, run, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    evaluation = evaluate_external(cohort, run, tmp_path / "out", leave_out_overlap=True)
    own = read_run(run)  # what is left is the run's own test split, and scores as it did there
    assert evaluation.run.studies == own.studies
    np.testing.assert_allclose(evaluation.run.logits, own.logits, atol=1e-5)
    np.testing.assert_allclose(evaluation.run.familiarity, own.familiarity, rtol=1e-6)
    facts = json.loads((tmp_path / "out" / "manifest.json").read_text())["external"]
    assert facts["overlap"]["studies"] == facts["overlap"]["same_scan"] == 72


def test_only_findings_that_the_labels_state_are_scored(made, other, tmp_path):
    labels = pl.read_parquet(other / "labels.parquet")
    blank = pl.when(pl.col("finding") == FINDINGS[0]).then(pl.lit("not_mentioned"))
    write_table(other / "labels.parquet", labels.with_columns(state=blank.otherwise("state")))
    evaluation = evaluate_external(other, made[1], tmp_path / "out")
    assert evaluation.run.findings == (FINDINGS[1],)
    assert evaluation.run.manifest["external"]["not_mapped"] == [FINDINGS[0]]


def test_a_model_without_its_run_says_what_is_not_known(made, other, tmp_path):
    shutil.copytree(made[1] / "model", tmp_path / "model")
    evaluation = evaluate_external(other, tmp_path / "model", tmp_path / "out")
    assert evaluation.studies == 40
    assert "operating_points" in evaluation.sections.missing
    assert any("training studies are not known" in sentence for sentence in evaluation.cautions)


def test_a_scan_that_cannot_be_read_again_is_left_out_and_a_row_of_rejects(made, other, tmp_path):
    scans = pl.read_parquet(other / "scans.parquet")
    lost = scans["study"][3]
    moved = pl.when(pl.col("study") == lost).then(pl.lit("0" * 64)).otherwise("content_hash")
    write_table(other / "scans.parquet", scans.with_columns(content_hash=moved))
    evaluation = evaluate_external(other, made[1], tmp_path / "out", workers=1)
    assert (evaluation.studies, evaluation.unread) == (39, 1)
    assert "1 scans could not be read again and are left out" in " ".join(evaluation.cautions)
    (row,) = read_rejects(tmp_path / "out" / "rejects.csv")
    assert (row["file"], row["study"]) == (scans["files"][3][0], lost)
    assert row["reason"]
    assert "molre ingest again" in row["remedy"]
    write_table(other / "scans.parquet", scans)
    assert evaluate_external(other, made[1], tmp_path / "out", overwrite=True).unread == 0
    assert read_rejects(tmp_path / "out" / "rejects.csv") == []


def test_a_folder_in_the_way_is_not_written_over(made, other, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(MolreError, match="is not empty"):
        evaluate_external(other, made[1], tmp_path / "out")
