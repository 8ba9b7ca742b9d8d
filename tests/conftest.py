"""Fixtures for every room."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

# tiny networks on few cores: threads only wait for each other; read when torch is first imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# molre waits until a disk has what it writes, thousands of times; memory has it at once
MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 << 30:
    tempfile.tempdir = os.environ.setdefault("TMPDIR", str(MEMORY))
gc.disable()  # until all is imported, see ``pytest_collection_finish``
# a loaded machine is slow, which is no failure
settings.register_profile("molre", deadline=None)
settings.load_profile("molre")

SHARED = Path(__file__).resolve().parents[2] / "shared"
# the longest first, so that no worker is left with one of them when the others have ended
LONGEST = (
    "training/parallel/test_distributed.py",
    "odd/test_odd_studies.py",
    "audit/test_tamperings.py",
    "phantom/test_oracle.py",
    "pages/test_system.py",
    "cli/test_interrupted_train.py",
    "adapter/test_operations.py",
    "benchmark/test_processes.py",
    "cohort/test_identity.py",
    "cli/test_every_verb.py",
    "ct/test_fuzz.py",
    "cohort/test_two_runs.py",
    "training/placements/test_volumes.py",
    "benchmark/test_audit_bench.py",
    "cohort/test_names_of_files.py",
    "ct/checks/test_quality.py",
    "adapter/test_saving.py",
    "embedding/test_on_cluster.py",
    "benchmark/test_on_cluster.py",
    "benchmark/test_grid_whole.py",
    "audit/test_tampering.py",
)
Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real scans and weights that live beside the repository, where they are at hand."""
    if not SHARED.is_dir():
        pytest.skip("needs the real scans and weights in ../shared, which are absent")
    return SHARED


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """What is slow to make and not changed is made by one worker, for all of them."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, made = root / name, root / f"{name}.made"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return make_once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the order is otherwise that of the folders."""
    order = {name: rank for rank, name in enumerate(LONGEST)}
    tests = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        path = item.path
        name = path.relative_to(tests).as_posix() if path.is_relative_to(tests) else ""
        return order.get(name, len(order))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """All that was imported stays: nobody need search it for garbage again and again."""
    gc.enable()
    gc.collect()
    gc.freeze()
