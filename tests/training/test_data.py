"""Batches: every scan once an epoch, in an order of seed and epoch, and sharded alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from molre.training.data import Batch, Loader, known_findings, sample_slices, spread
from molre.training.parallel.distributed import Ranks
from tests.helpers.training.scans import DIM, loader

SCANS = 37


@pytest.fixture
def whole() -> Loader:
    return replace(loader(SCANS, 1), micro_batch=3)


def rows(batches: list[Batch]) -> list[int]:
    return [int(row) for batch in batches for row in batch.rows]


def test_an_epoch_has_every_scan_once_in_an_order_of_its_own(whole: Loader) -> None:
    orders = [[r for shard in whole.epoch(e) for r in rows(shard.micro_batches)] for e in (0, 1, 0)]
    assert all(sorted(order) == list(range(SCANS)) for order in orders)
    assert orders[0] == orders[2] != orders[1]
    other = replace(whole, seed=1)
    assert [r for shard in other.epoch(0) for r in rows(shard.micro_batches)] != orders[0]


def test_an_epoch_goes_on_at_any_batch(whole: Loader) -> None:
    batches = [rows(shard.micro_batches) for shard in whole.epoch(2)]
    assert [rows(shard.micro_batches) for shard in whole.epoch(2, start=1)] == batches[1:]


@pytest.mark.parametrize("world", [2, 3, 9])
def test_processes_share_the_micro_batches_of_one(whole: Loader, world: int) -> None:
    alone = list(whole.epoch(0))
    shards = [list(replace(whole, ranks=Ranks(r, world)).epoch(0)) for r in range(world)]
    for number, shard in enumerate(alone):
        parts = [of_rank[number] for of_rank in shards]
        assert rows([p for part in parts for p in part.micro_batches]) == rows(shard.micro_batches)
        assert {int(part.known) for part in parts} == {int(shard.known)}
        here = [len(part.micro_batches) for part in parts]
        assert [part.after for part in parts] == [sum(here[r + 1 :]) for r in range(world)]
    mine = [b for r in range(world) for b in replace(whole, ranks=Ranks(r, world)).in_order()]
    assert sorted(rows(mine)) == list(range(SCANS))


def test_scans_are_padded_behind_their_slices(whole: Loader) -> None:
    for batch in whole.in_order():
        for scan, mask, row in zip(batch.embeddings, batch.mask, batch.rows, strict=True):
            stored = whole.cache.get(whole.studies.content_hash[row])
            assert mask.tolist() == [i < len(stored) for i in range(len(mask))]
            assert torch.equal(scan[: len(stored)], stored)
            assert not scan[len(stored) :].any()
        assert batch.mask.any(0).all()  # no longer than the longest
        assert np.array_equal(batch.targets, whole.studies.targets[batch.rows])


def test_unknown_labels_are_not_counted(whole: Loader) -> None:
    whole.studies.targets[::2, 0] = np.nan
    known = sum(int(shard.known) for shard in whole.epoch(0))
    assert known == int((~np.isnan(whole.studies.targets)).sum())


def test_indices_are_spread_over_the_whole_range() -> None:
    assert spread(10, 3) == [0, 4, 9]
    assert spread(3, 10) == [0, 1, 2]
    assert spread(5, 1) == [0]


def test_slices_are_sampled_from_scans_of_the_whole_split(whole: Loader) -> None:
    sample = sample_slices(whole, scans=5, slices=12)
    assert sample.shape == (10, DIM)
    first = whole.cache.get(whole.studies.content_hash[0])
    last = whole.cache.get(whole.studies.content_hash[SCANS - 1])
    assert torch.equal(sample[0], first[0])
    assert torch.equal(sample[-1], last[-1])


def test_a_finding_counts_from_enough_known_labels_of_each_class() -> None:
    targets = np.array([[1, 1, 1], [1, 0, np.nan], [0, 0, 0], [0, 0, np.nan]], dtype=np.float32)
    assert known_findings(targets, ("a", "b", "c"), 2) == ["a"]
    assert known_findings(targets, ("a", "b", "c"), 1) == ["a", "b", "c"]
