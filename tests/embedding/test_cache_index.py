"""The cache's index is a convenience: whatever happens to it, the shards decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.embedding.cache import EmbeddingCache

SCANS = [f"{n:064x}" for n in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of two shards; every test leaves it whole."""
    folder = tmp_path_factory.mktemp("cache")
    cache = EmbeddingCache(folder)
    for n, scan in enumerate(SCANS):
        cache.put(scan, torch.full((n + 1, 4), float(n)), np.arange(n + 1) * 2 + 1)
        if n < 2:
            cache.flush()
    cache.flush()
    return folder


def assert_whole(cache: EmbeddingCache) -> None:
    assert len(cache) == len(SCANS)
    for n, scan in enumerate(SCANS):
        assert cache.get(scan).tolist() == [[n] * 4] * (n + 1)
        assert cache.index(scan).tolist() == (np.arange(n + 1) * 2 + 1).tolist()


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_in_the_index_changes_nothing(folder: Path, where: float, bit: int):
    """Not even the slice that an embedding is said to come from."""
    path = folder / "index.parquet"
    blob = bytearray(path.read_bytes())
    blob[int(where * len(blob))] ^= 1 << bit
    path.write_bytes(blob)
    cache = EmbeddingCache(folder)
    assert_whole(cache)
    assert cache.drop_damaged() == []


@pytest.mark.parametrize("name", ["index.parquet", "index.sha256", "key.json"])
def test_what_is_lost_is_made_again_when_opened(folder: Path, name: str):
    (folder / name).unlink(missing_ok=True)
    assert_whole(EmbeddingCache(folder, {"weights_sha256": "w"}))
    assert (folder / name).is_file()


def test_an_index_of_before_the_last_shard_is_completed(folder: Path):
    """As a run leaves it that is killed after the shard and before the index."""
    index = (folder / "index.parquet").read_bytes(), (folder / "index.sha256").read_bytes()
    extra = "f" * 64
    cache = EmbeddingCache(folder)
    cache.put(extra, torch.ones(2, 4), np.array([5, 9]))
    cache.flush()
    (folder / "index.parquet").write_bytes(index[0])
    (folder / "index.sha256").write_bytes(index[1])
    again = EmbeddingCache(folder)
    assert extra in again
    assert again.index(extra).tolist() == [5, 9]
    assert again.get(extra).tolist() == [[1] * 4] * 2
    for path in folder.glob("*.safetensors"):
        if path.name == again._entries[extra].shard:
            path.unlink()
    again.drop_damaged()
    assert_whole(EmbeddingCache(folder))
