"""One small run, trained and evaluated once; tests tamper with copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from molre.training.train import train
from molre.workflows.consistency import consistency
from molre.workflows.evaluate_run import evaluate_and_report
from tests.helpers.audit.scanned import CONFIG, write_scanned, write_twice
from tests.helpers.output.drawn_once import drawn_once


@pytest.fixture(scope="module", autouse=True)
def charts() -> Iterator[None]:
    """An audit draws a page's charts again, most of them as they were."""
    with drawn_once():
        yield


def _make(root: Path) -> None:
    train(write_scanned(root / "cohort"), root / "run", CONFIG)
    evaluate_and_report(root / "run")


@pytest.fixture(scope="session")
def trained(once: Callable[..., Path]) -> Path:
    """A folder with ``cohort`` and ``run``, which nobody changes."""
    return once("audited", _make)


@pytest.fixture(scope="session")
def whole(once: Callable[..., Path], trained: Path) -> Path:
    """``cohort``, ``run``, ``compared`` with three runs, ``steady``; nobody changes them."""

    from tests.helpers.audit.tampered_together import compare_again, runs_of

    def make(root: Path) -> None:
        for name in ("cohort", "run"):
            (root / name).symlink_to(trained / name)
        runs = root / "compared" / "runs"
        for arm, seed in (("frozen", 0), ("molre", 0), ("molre", 1)):
            config = CONFIG.model_copy(update={"arm": arm, "seed": seed, "max_epochs": 2})
            train(trained / "cohort", runs / f"{arm}-{seed}", config)
        compare_again(root / "compared", runs_of(root / "compared"))
        twice = write_twice(root / "twice")
        consistency(root / "run" / "model", twice, root / "steady", even_if_withheld=True)

    return once("tampered", make)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run to tamper with; its cohort is the one that nobody changes."""
    return shutil.copytree(trained / "run", tmp_path / "run")
