"""No run holds the predictions of another: what fails, and what is only flagged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from molre.audit.bench_cells import twins
from molre.audit.check import FAIL, FLAG, PASS, Check
from tests.helpers.evaluation.runs import write_run


def told(run: Path, **changed: object) -> None:
    path = run / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def looked(runs: list[Path]) -> Check:
    (check,) = twins(runs)
    return check


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A run, and its copy."""
    one = write_run(tmp_path / "one", arm="lora", seed=0)
    return one, shutil.copytree(one, tmp_path / "other")


def test_runs_of_their_own_pass(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / f"{seed}", seed=seed) for seed in range(3)]
    assert looked(runs).outcome == PASS


def test_a_copy_under_another_seed_fails_and_both_are_named(pair: tuple[Path, Path]) -> None:
    told(pair[1], seed=1)
    check = looked([*pair])
    assert check.outcome == FAIL
    assert "one and other are the same" in check.found


def test_one_that_is_all_but_a_copy_is_flagged(pair: tuple[Path, Path]) -> None:
    told(pair[1], seed=1)
    path = pair[1] / "predictions.parquet"
    table = pl.read_parquet(path)
    table.with_columns(logit=pl.col("logit") + 2e-5).write_parquet(path)
    check = looked([*pair])
    assert check.outcome == FLAG
    assert "one and other are nearly the same" in check.found


def test_arms_that_may_come_out_as_one_network_are_flagged(pair: tuple[Path, Path]) -> None:
    told(pair[1], arm="lora_matched")
    assert looked([*pair]).outcome == FLAG
    told(pair[1], arm="molre")
    assert looked([*pair]).outcome == FAIL
