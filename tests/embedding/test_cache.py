from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from molre.embedding.cache import SHARD_SCANS, EmbeddingCache, cache_key
from molre.errors import MolreError


def fill(folder: Path, scans: int, dim: int = 6) -> dict[str, torch.Tensor]:
    """Write a cache; what it should hold."""
    cache, generator = EmbeddingCache(folder), torch.Generator().manual_seed(0)
    put = {}
    for i in range(scans):
        put[f"{i:064x}"] = torch.randn(2 + i % 3, dim, generator=generator)
        cache.put(f"{i:064x}", put[f"{i:064x}"], np.arange(2 + i % 3) * 2)
    cache.flush()
    return put


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def damage(path: Path) -> None:
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 0xFF
    path.write_bytes(blob)


def assert_holds(folder: Path, put: dict[str, torch.Tensor]) -> None:
    cache = EmbeddingCache(folder)
    assert len(cache) == len(put)
    for content_hash, embeddings in put.items():
        assert content_hash in cache
        assert torch.equal(cache.get(content_hash), embeddings.half())
        assert cache.index(content_hash).tolist() == [2 * i for i in range(len(embeddings))]


def test_what_is_put_is_got(tmp_path: Path) -> None:
    put = fill(tmp_path, SHARD_SCANS + 5)
    assert len(shards(tmp_path)) == 2
    assert_holds(tmp_path, put)


def test_pending_scans_are_there_before_they_are_on_disk(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put("a", torch.ones(2, 3), np.array([1, 4]))
    assert "a" in cache
    assert cache.get("a").shape == (2, 3)
    assert cache.index("a").tolist() == [1, 4]
    assert not shards(tmp_path)


@pytest.mark.parametrize("index", ["gone", "empty", "truncated", "junk"])
def test_a_lost_index_is_rebuilt_from_the_shards(tmp_path: Path, index: str) -> None:
    put = fill(tmp_path, SHARD_SCANS + 5)
    path = tmp_path / "index.parquet"
    blob = path.read_bytes()
    path.unlink()
    if index != "gone":
        path.write_bytes({"empty": b"", "truncated": blob[:-20], "junk": b"x" * 400}[index])
    assert_holds(tmp_path, put)


def test_a_shard_that_the_index_does_not_know_is_taken_in(tmp_path: Path) -> None:
    put = fill(tmp_path, 3)
    index = (tmp_path / "index.parquet").read_bytes()
    more = EmbeddingCache(tmp_path)
    more.put("f" * 64, torch.ones(2, 6), np.array([0, 2]))
    more.flush()
    (tmp_path / "index.parquet").write_bytes(index)  # killed between shard and index
    assert_holds(tmp_path, {**put, "f" * 64: torch.ones(2, 6)})


def test_half_a_shard_is_never_taken_in(tmp_path: Path) -> None:
    put = fill(tmp_path, 3)
    blob = shards(tmp_path)[0].read_bytes()
    (tmp_path / ("0" * 24 + ".safetensors")).write_bytes(blob[: len(blob) // 2])
    assert_holds(tmp_path, put)
    assert len(shards(tmp_path)) == 1


def test_a_flipped_byte_is_found_when_read(tmp_path: Path) -> None:
    put = fill(tmp_path, 3)
    damage(shards(tmp_path)[0])
    with pytest.raises(MolreError, match="damaged or gone"):
        EmbeddingCache(tmp_path).get(next(iter(put)))


def test_only_the_damaged_shard_is_dropped(tmp_path: Path) -> None:
    put = fill(tmp_path, SHARD_SCANS + 5)
    bad = EmbeddingCache(tmp_path)
    damage(shards(tmp_path)[0])
    assert bad.drop_damaged() == [shards(tmp_path)[0].name] or len(shards(tmp_path)) == 1
    left = EmbeddingCache(tmp_path)
    assert len(left) in (5, SHARD_SCANS)
    for content_hash in put:
        if content_hash in left:
            assert torch.equal(left.get(content_hash), put[content_hash].half())


def test_a_missing_shard_is_forgotten(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    shards(tmp_path)[0].unlink()
    cache = EmbeddingCache(tmp_path)
    assert cache.drop_damaged()
    assert len(cache) == 0


def test_the_key_names_all_that_decides_an_embedding(tmp_path: Path) -> None:
    key = cache_key("w" * 64, "c" * 64)
    assert set(key) == {"weights_sha256", "contract_hash", "dtype", "code_version"}
    EmbeddingCache(tmp_path / "cache", key)
    assert json.loads((tmp_path / "cache" / "key.json").read_text()) == key
