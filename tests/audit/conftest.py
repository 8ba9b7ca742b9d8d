"""One small run, trained and evaluated once; tests tamper with copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from ready import write_ready

from molre.cohort.cohort import write_table
from molre.output.run_folder import evaluate_and_report
from molre.training.config import TrainConfig
from molre.training.train import train

CONFIG = TrainConfig(max_epochs=4, patience=4, learning_rates=(1e-3, 3e-3))


def _make(root: Path) -> None:
    cohort = write_ready(
        root / "cohort", 200, shares=("train",) * 4 + ("tune", "calibrate", "test", "test")
    )
    scans = pl.read_parquet(cohort / "scans.parquet")
    scanners = pl.Series("manufacturer", ["Tester" if i % 2 else "Maker" for i in range(200)])
    write_table(cohort / "scans.parquet", scans.with_columns(scanners))
    train(cohort, root / "run", CONFIG)
    evaluate_and_report(root / "run")


@pytest.fixture(scope="session")
def trained(once: Callable[..., Path]) -> Path:
    """A folder with ``cohort`` and ``run``, which nobody changes."""
    return once("audited", _make)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run to tamper with; its cohort is the one that nobody changes."""
    return shutil.copytree(trained / "run", tmp_path / "run")
