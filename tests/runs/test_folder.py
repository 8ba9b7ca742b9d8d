"""A run folder: names, versions, and what a run of before or after this molre is to its readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from molre.audit.run_under_audit import RunUnderAudit
from molre.errors import MolreError
from molre.evaluation.comparison.compare import compare
from molre.evaluation.evaluate import evaluate
from molre.runs import manifest
from molre.runs.done import is_done
from molre.runs.folder import OF_TRAINING, TABLES, WRITTEN, RunFolder
from molre.runs.model_of_run import ModelSource
from molre.runs.run import read_run
from molre.training.summary import summary
from molre.workflows.evaluate_external import evaluate_external
from tests.helpers.cohort.cohorts import write_cohort
from tests.helpers.evaluation.runs import FINDINGS, write_run

SETTINGS = {"arm": "molre", "include_not_head": False}


def _is_done(run: Path) -> None:
    RunFolder(run).write_config(SETTINGS)
    is_done(RunFolder(run), SETTINGS, {}, {})


def _external(run: Path) -> None:
    cohort = write_cohort(run.parent / "cohort", {"1.1": "p"})
    evaluate_external(cohort, run, run.parent / "external")


READERS: dict[str, Callable[[Path], object]] = {
    "reading": read_run,
    "evaluating": evaluate,
    "comparing": lambda run: compare([run, run], run.parent / "compared"),
    "training into it": _is_done,
    "what is said of it": summary,
    "its model": ModelSource.at,
    "evaluating its model on another cohort": _external,
    "auditing": RunUnderAudit,
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_a_newer_run_in_one_sentence(tmp_path: Path, reader: str) -> None:
    run = write_run(tmp_path / "run", format_version=manifest.FORMAT_VERSION + 1)
    with pytest.raises(MolreError) as refused:
        READERS[reader](run)
    assert refused.value.message == (
        f"{run / 'manifest.json'}: format version 2 is newer than this molre can read (1). "
        "Update molre."
    )


def write_first_run(path: Path) -> Path:
    """A run as molre first wrote it, by hand: one router without a name, no studies, no counts."""
    path.mkdir()
    studies, splits = ["s1", "s2", "s3"], ["tune", "calibrate", "test"]
    pl.DataFrame(
        {
            "study": studies,
            "patient": studies,
            "split": splits,
            "finding": [FINDINGS[0]] * 3,
            "label": [1, 0, 1],
            "logit": [0.5, -0.5, 1.5],
            "probability": [0.6, 0.4, 0.8],
        }
    ).write_parquet(path / "predictions.parquet")
    gates = pl.DataFrame({"study": ["s3"] * 2, "split": ["test"] * 2, "slice": [0, 1]})
    gates = gates.with_columns(gates=pl.Series([[0.75, 0.25], [0.25, 0.75]]))
    gates.write_parquet(path / "routing.parquet")
    (path / "manifest.json").write_text(
        json.dumps(
            {
                "format_version": 1,
                "arm": "molre",
                "placement": "slice",
                "seed": 3,
                "backbone": {"name": "efficientnet_lite0", "weights_sha256": "0" * 64},
                "added_parameters": 100,
                "findings": [FINDINGS[0]],
                "synthetic": True,
            }
        )
    )
    return path


@pytest.mark.parametrize("now", [1, 2])
def test_a_run_of_the_first_version_is_read_by_later_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: int
) -> None:
    monkeypatch.setattr(manifest, "FORMAT_VERSION", now)
    run = read_run(write_first_run(tmp_path / "run"))
    assert (run.arm, run.seed, run.synthetic) == ("molre", 3, True)
    assert (run.studies, run.probabilities.tolist()) == (("s3",), [[0.8]])
    assert run.gates is not None
    assert run.gates.mean.tolist() == [[[0.5, 0.5]]]
    assert (run.familiarity, run.history, run.thresholds) == (None, None, {})
    assert (run.folder.counts(), run.folder.settings()) == ({}, {})
    assert not run.cohort.is_there
    assert evaluate(run.path, draws=20).studies == 1


def test_the_version_that_is_written_is_the_one_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one version of the folder: raising it neither refuses nor forgets its own runs."""
    monkeypatch.setattr(manifest, "FORMAT_VERSION", 2)
    run = RunFolder(write_run(tmp_path / "run"))
    manifest.write_manifest(run, manifest.read_manifest(run))
    assert manifest.read_manifest(run)["format_version"] == 2
    assert read_run(run.path).arm == "molre"


def test_each_table_has_a_place_that_is_known_to_be_a_runs(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    table = pl.DataFrame({"a": [1, 2]})
    for name in TABLES:
        folder.write_table(name, table)
        assert folder.read(name, "a").equals(table)
    folder.write_config(SETTINGS)
    folder.write_counts({"flow": {}})
    assert {path.name for path in tmp_path.iterdir()} < WRITTEN
    assert OF_TRAINING < WRITTEN
    assert (folder.settings(), folder.counts()) == (SETTINGS, {"flow": {}})


def test_checkpoints_are_found_by_their_rates(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    paths = {folder.checkpoint(rate) for rate in (1e-3, 3e-4)}
    for path in paths:
        path.touch()
    assert {path.name for path in paths} == {
        "checkpoint-0.001.safetensors",
        "checkpoint-0.0003.safetensors",
    }
    assert {*folder.checkpoints()} == paths


def test_damaged_files_are_a_sentence_that_names_them(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.data.write_text("{")
    folder.config.write_text("- a list")
    with pytest.raises(MolreError, match=r"data\.json: not readable as a JSON object"):
        folder.counts()
    with pytest.raises(MolreError, match=r"config\.yaml: is not a mapping"):
        folder.settings()
    with pytest.raises(MolreError, match=r"history\.parquet: missing"):
        folder.read("history")
