"""Phantoms for the whole room, made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.training.tiny import write_scans


@pytest.fixture(scope="module")
def scans(once: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort of 16 phantoms, which the module may embed and change."""
    made = once("training_scans", lambda folder: write_scans(folder, 16))
    return shutil.copytree(made / "cohort", tmp_path_factory.mktemp("scans") / "cohort")
