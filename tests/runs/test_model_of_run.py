"""A model comes from its run, or alone; an external evaluation says from which run."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from molre.errors import MolreError
from molre.runs.model_of_run import ModelSource, run_of_model
from tests.helpers.evaluation.runs import write_run


def test_a_run_gives_its_model_with_manifest_and_tables(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    source = ModelSource.at(run)
    assert source.model == run / "model"
    assert source.manifest == json.loads((run / "manifest.json").read_text())
    table = source.table("studies")
    assert table is not None
    assert table.equals(pl.read_parquet(run / "studies.parquet"))
    (run / "studies.parquet").unlink()
    assert source.table("studies") is None


def test_a_model_alone_has_neither(tmp_path: Path) -> None:
    model = write_run(tmp_path / "run") / "model"
    source = ModelSource.at(model)
    assert (source.model, source.run, source.manifest) == (model, None, {})
    assert source.table("predictions") is None


def test_a_damaged_run_is_not_taken_for_a_model_alone(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "manifest.json").write_text("{")
    with pytest.raises(MolreError, match=r"manifest\.json: not readable"):
        ModelSource.at(run)


def test_an_external_evaluation_names_the_run_of_its_model(tmp_path: Path) -> None:
    assert run_of_model({"external": {"run": str(tmp_path)}}) == tmp_path
    assert run_of_model({"external": {"run": None}}) is None
    assert run_of_model({}) is None
