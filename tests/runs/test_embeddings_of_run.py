"""Embeddings of a run: its cohort's, or its own where it adapted the backbone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from molre.embedding.cache import EmbeddingCache, cache_folder
from molre.errors import MolreError
from molre.runs.embeddings_of_run import open_embeddings
from molre.runs.folder import RunFolder

MANIFEST = {"embeddings": "vit-0123"}


def write(folder: Path, value: float) -> None:
    cache = EmbeddingCache(folder)
    cache.put("scan", torch.full((1, 2), value), np.zeros(1, dtype=int))
    cache.flush()


def opened(tmp_path: Path, adapted: bool) -> float:
    run, cohort = RunFolder(tmp_path / "run"), tmp_path / "cohort"
    return float(open_embeddings(run, MANIFEST, cohort, adapted=adapted).get("scan")[0, 0])


def test_an_adapted_backbones_are_in_the_run_and_others_in_the_cohort(tmp_path: Path) -> None:
    write(cache_folder(tmp_path / "cohort", "vit-0123"), 1)
    assert opened(tmp_path, adapted=False) == 1
    assert opened(tmp_path, adapted=True) == 1  # none of its own: frozen, at placement blocks
    write(RunFolder(tmp_path / "run").embeddings, 2)
    assert opened(tmp_path, adapted=True) == 2
    assert opened(tmp_path, adapted=False) == 1


@pytest.mark.parametrize("name", ["index.parquet", "index.sha256"])
def test_a_lost_index_is_made_again_from_what_is_there(tmp_path: Path, name: str) -> None:
    folder = cache_folder(tmp_path / "cohort", "vit-0123")
    write(folder, 1)
    (folder / name).unlink()
    assert opened(tmp_path, adapted=False) == 1


@pytest.mark.parametrize("manifest", [MANIFEST, {}])
def test_embeddings_that_are_gone_are_said_and_no_folder_is_made(
    tmp_path: Path, manifest: dict
) -> None:
    cohort = tmp_path / "cohort"
    with pytest.raises(MolreError, match="are not available"):
        open_embeddings(RunFolder(tmp_path / "run"), manifest, cohort, adapted=False)
    assert not cohort.exists()
