"""One small cohort and one tiny ViT for the whole room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_bench import write_small_cohort, write_tiny_vit


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks on few cores: threads only wait for each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_cohort(tmp_path_factory.mktemp("small") / "cohort")


@pytest.fixture(scope="session")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_vit(tmp_path_factory.mktemp("vit") / "tiny_vit")
