"""One small run, trained and evaluated once; tests tamper with copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from scanned import CONFIG, write_scanned

from molre.output.run_folder import evaluate_and_report
from molre.training.train import train


def _make(root: Path) -> None:
    train(write_scanned(root / "cohort"), root / "run", CONFIG)
    evaluate_and_report(root / "run")


@pytest.fixture(scope="session")
def trained(once: Callable[..., Path]) -> Path:
    """A folder with ``cohort`` and ``run``, which nobody changes."""
    return once("audited", _make)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run to tamper with; its cohort is the one that nobody changes."""
    return shutil.copytree(trained / "run", tmp_path / "run")
