"""One small cohort and one tiny ViT for the whole room."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.benchmark.small_bench import write_small_cohort, write_tiny_vit


@pytest.fixture(scope="session")
def cohort(once: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, which keeps the embeddings of this worker's tests."""
    small = once("small_bench", write_small_cohort)
    return shutil.copytree(small, tmp_path_factory.mktemp("small") / "cohort")


@pytest.fixture(scope="session")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_vit(tmp_path_factory.mktemp("vit") / "tiny_vit")
