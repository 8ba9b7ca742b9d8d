from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from molre.errors import MolreError
from molre.runs.run import read_run
from tests.helpers.evaluation.runs import FINDINGS, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "molre-0", studies=30)


def change(run: Path, **columns: pl.Expr) -> None:
    table = pl.read_parquet(run / "predictions.parquet")
    table.with_columns(**columns).write_parquet(run / "predictions.parquet")


def test_reads_the_test_split_only(run):
    read = read_run(run)
    assert read.studies == tuple(f"test{i:04d}" for i in range(30))
    assert read.findings == FINDINGS
    assert read.labels.shape == read.logits.shape == (30, 4)


def test_the_order_of_rows_does_not_matter(run):
    before = read_run(run)
    table = pl.read_parquet(run / "predictions.parquet")
    table.sample(fraction=1, shuffle=True, seed=0).write_parquet(run / "predictions.parquet")
    after = read_run(run)
    np.testing.assert_array_equal(before.logits, after.logits)
    np.testing.assert_array_equal(before.labels, after.labels)
    assert before.patients == after.patients


def test_gates_are_averaged_over_slices(run):
    table = pl.read_parquet(run / "routing.parquet").filter(pl.col("study") == "test0003")
    expected = np.array(table["gates"].to_list()).mean(axis=0)
    np.testing.assert_allclose(read_run(run).gates.mean[3, 0], expected, atol=1e-6)


def test_layers_are_read_apart_and_in_their_order(tmp_path):
    names = ("block.9.q", "block.9.v", "block.10.q")
    gates = read_run(write_run(tmp_path / "run", studies=30, layers=names)).gates
    table = pl.read_parquet(tmp_path / "run" / "routing.parquet")
    assert gates.layers == names
    assert gates.mean.shape == (30, 3, 6)
    assert gates.slices == 150
    one = table.filter((pl.col("study") == "test0003") & (pl.col("layer") == "block.9.v"))
    expected = np.array(one["gates"].to_list()).mean(axis=0)
    np.testing.assert_allclose(gates.mean[3, 1], expected, atol=1e-6)


def test_gates_from_before_layers_were_named_are_one_layer(run):
    table = pl.read_parquet(run / "routing.parquet")
    named = read_run(run).gates
    table.drop("layer").write_parquet(run / "routing.parquet")
    unnamed = read_run(run).gates
    np.testing.assert_array_equal(unnamed.mean, named.mean)
    assert len(unnamed.layers) == 1


def test_layers_that_do_not_agree_are_refused(tmp_path):
    run = write_run(tmp_path / "run", studies=30, layers=("a", "b"))
    table = pl.read_parquet(run / "routing.parquet")
    lost = (pl.col("layer") == "b") & (pl.col("study") == "test0003") & (pl.col("slice") == 0)
    table.filter(~lost).write_parquet(run / "routing.parquet")
    with pytest.raises(MolreError, match="its layers do not agree"):
        read_run(run)


def test_what_a_run_may_lack(run):
    shutil.rmtree(run / "model")
    (run / "history.parquet").unlink()
    (run / "routing.parquet").unlink()
    read = read_run(run)
    assert (read.thresholds, read.history, read.gates) == ({}, None, None)


@pytest.mark.parametrize("name", ["manifest.json", "predictions.parquet"])
def test_a_missing_file_is_named(run, name):
    (run / name).unlink()
    with pytest.raises(MolreError, match=f"{name}: missing"):
        read_run(run)


@pytest.mark.parametrize(
    "name", ["predictions.parquet", "routing.parquet", "history.parquet", "manifest.json"]
)
def test_a_truncated_file_is_named(run, name):
    whole = (run / name).read_bytes()
    (run / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MolreError, match=f"{name}: not readable"):
        read_run(run)


def test_a_newer_format_is_refused(run):
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"format_version": 2}))
    with pytest.raises(MolreError, match="format version 2 is newer"):
        read_run(run)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(MolreError, match="not a folder"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(MolreError, match="RUN folder"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"label": pl.lit(7, dtype=pl.Int8)}, "a label is not 0, 1 or empty"),
        ({"logit": pl.lit(float("nan"))}, "a logit is not a finite number"),
        ({"logit": pl.lit(None, dtype=pl.Float32)}, "a logit is not a finite number"),
        ({"probability": pl.lit(1.5)}, "a probability is outside 0 to 1"),
        ({"finding": pl.lit("gout")}, "finding 'gout' is not in manifest.json"),
        ({"split": pl.lit("tune")}, "no study of the test split"),
        ({"finding": pl.lit(FINDINGS[0])}, "each finding once for each study"),
    ],
)
def test_values_that_do_not_add_up_are_refused(run, columns, what):
    change(run, **columns)
    with pytest.raises(MolreError, match=what):
        read_run(run)


def test_missing_rows_and_columns_are_refused(run):
    table = pl.read_parquet(run / "predictions.parquet")
    table.slice(0, len(table) - 1).write_parquet(run / "predictions.parquet")
    with pytest.raises(MolreError, match="each finding once"):
        read_run(run)
    table.drop("patient").write_parquet(run / "predictions.parquet")
    with pytest.raises(MolreError, match="lacks column patient"):
        read_run(run)


def test_gates_of_other_studies_are_refused(run):
    table = pl.read_parquet(run / "routing.parquet")
    table.filter(pl.col("study") != "test0003").write_parquet(run / "routing.parquet")
    with pytest.raises(MolreError, match="does not hold gates of the test studies"):
        read_run(run)


def test_a_patient_in_two_splits_is_refused_with_the_count(tmp_path):
    run = write_run(tmp_path / "run")
    table = pl.read_parquet(run / "predictions.parquet")
    moved = table.with_columns(
        patient=pl.when(pl.col("patient").is_in(["tune-patient003", "tune-patient007"]))
        .then(pl.col("patient").str.replace("tune", "test"))
        .otherwise("patient")
    )
    moved.write_parquet(run / "predictions.parquet")
    with pytest.raises(MolreError) as refused:
        read_run(run)
    assert "2 patients are in more than one split (test and tune)" in refused.value.message
    assert "test-patient003, test-patient007" in refused.value.message
    assert "molre split" in refused.value.message


def test_a_training_patient_in_test_is_refused_as_well(tmp_path):
    run = write_run(tmp_path / "run")
    studies = pl.read_parquet(run / "studies.parquet")
    train = studies.head(1).with_columns(
        study=pl.lit("train0"), patient=pl.lit("test-patient001"), split=pl.lit("train")
    )
    pl.concat([studies, train]).write_parquet(run / "studies.parquet")
    with pytest.raises(MolreError, match="1 patient is in more than one split"):
        read_run(run)


def test_calibrate_and_distances_are_read_beside_test(tmp_path):
    run = read_run(write_run(tmp_path / "run"))
    assert run.calibrate is not None
    assert all(study.startswith("calibrate") for study in run.calibrate.studies)
    assert run.familiarity is not None
    assert len(run.familiarity) == len(run.studies)
    assert run.calibrated["pneumocephalus"] is False
    older = read_run(write_run(tmp_path / "older", familiarity=False))
    assert older.familiarity is None
