"""Batches of cached slice embeddings: mapped from disk, never loaded whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from molre.model.classifier import bank_indices
from molre.runs.studies import Studies
from molre.training.parallel.distributed import ALONE, Ranks
from molre.training.parallel.dropout import DropoutNoise
from molre.training.parallel.prefetch import prefetch

MICRO_BATCH = 8  # scans whose gradients are worked out together


class Inputs(Protocol):
    """What a model is given for a scan: slice embeddings, or at ``blocks`` tokens or pixels."""

    @property
    def name(self) -> str:
        """Tells what it holds apart from what another one holds."""
        ...

    def __contains__(self, content_hash: str) -> bool:
        """Whether a scan is there."""
        ...

    def get(self, content_hash: str) -> Tensor:
        """(S, ...) of one scan."""
        ...

    def index(self, content_hash: str) -> np.ndarray:
        """Int (S,): the series' slice in the middle of each slab."""
        ...


@dataclass(frozen=True)
class Batch:
    """Padded scans: embeddings (B, S, D), mask bool (B, S), bank_index (B, S), targets (B, K).

    At placement ``blocks`` the embeddings are what the backbone is given, (B, S, ...).

    Attributes:
        rows: places of the scans in their split, B.
        dropout_noise: float32 (B, S, D) that dropout multiplies by; None where there is none.
    """

    embeddings: Tensor
    mask: Tensor
    bank_index: Tensor
    targets: Tensor
    rows: np.ndarray
    dropout_noise: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Of what is large."""
        noise = self.dropout_noise
        return self.embeddings.nbytes + (0 if noise is None else noise.nbytes)


@dataclass(frozen=True)
class Shard:
    """What one process has of a training batch.

    A batch is always cut into the same micro-batches, however many processes there are, so that
    what is worked out for one is the same to the last bit wherever it is done.

    Attributes:
        micro_batches: this process's, in order; none where there are more processes than those.
        known: labels of the whole batch, int64 scalar.
        after: micro-batches of the batch that come after these.
    """

    micro_batches: list[Batch]
    known: Tensor
    after: int


@dataclass(frozen=True)
class Loader:
    """Cuts a split into batches, and a training batch into micro-batches.

    Args:
        cache: where embeddings are mapped from.
        studies: the split.
        batch_size: scans a batch.
        seed: the run's seed; order is a pure function of it and the epoch.
        ranks: the processes that train together.
        micro_batch: scans of a micro-batch.
    """

    cache: Inputs
    studies: Studies
    batch_size: int
    seed: int
    ranks: Ranks = ALONE
    micro_batch: int = MICRO_BATCH

    def epoch(
        self, epoch: int, noise: DropoutNoise | None = None, start: int = 0
    ) -> Iterator[Shard]:
        """This process's shard of each batch, in the order of (seed, epoch).

        Args:
            epoch: number.
            noise: dropout of that epoch.
            start: the batch to begin with.
        """
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.studies))
        batches = _cut(order, self.batch_size)[start:]
        shards = (self._shard(rows, noise) for rows in batches)
        return prefetch(shards, lambda shard: sum(b.nbytes for b in shard.micro_batches))

    def in_order(self) -> Iterator[Batch]:
        """This process's batches of the split in its own order: every n-th of n processes."""
        mine = _cut(np.arange(len(self.studies)), self.batch_size)
        mine = mine[self.ranks.rank :: self.ranks.world]
        return prefetch((self._collate(rows) for rows in mine), lambda batch: batch.nbytes)

    def _shard(self, rows: np.ndarray, noise: DropoutNoise | None) -> Shard:
        cut = _cut(rows, self.micro_batch)
        here = self.ranks.shard(len(cut))
        mine = [self._collate(part, noise) for part in cut[here]]
        known = (~np.isnan(self.studies.targets[rows])).sum()
        return Shard(mine, torch.tensor(int(known)), len(cut) - here.stop)

    def _collate(self, rows: np.ndarray, noise: DropoutNoise | None = None) -> Batch:
        hashes = [self.studies.content_hash[i] for i in rows]
        scans = [self.cache.get(h) for h in hashes]
        longest = max(len(scan) for scan in scans)
        first = scans[0]
        embeddings = first.new_zeros(len(rows), longest, *first.shape[1:])
        mask = torch.zeros(len(rows), longest, dtype=torch.bool)
        index = torch.zeros(len(rows), longest, dtype=torch.long)
        for i, (content_hash, scan) in enumerate(zip(hashes, scans, strict=True)):
            embeddings[i, : len(scan)] = scan
            mask[i, : len(scan)] = True
            index[i, : len(scan)] = bank_indices(content_hash, len(scan), self.seed)
        targets = torch.from_numpy(self.studies.targets[rows])
        factors = noise.draw(rows, mask) if noise is not None else None
        return Batch(embeddings, mask, index, targets, rows, factors)


def _cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def sample_slices(loader: Loader, scans: int, slices: int) -> Tensor:
    """Slice embeddings (up to ``slices``, D) from up to ``scans`` studies, spread evenly."""
    rows = spread(len(loader.studies), scans)
    per_scan = max(1, slices // max(1, len(rows)))
    picked = []
    for row in rows:
        scan = loader.cache.get(loader.studies.content_hash[row]).float()
        picked.append(scan[spread(len(scan), per_scan)])
    return torch.cat(picked)[:slices]


def spread(total: int, wanted: int) -> list[int]:
    """At most ``wanted`` indices spread evenly over ``range(total)``."""
    return [int(i) for i in np.unique(np.linspace(0, total - 1, min(total, wanted)).round())]


def known_findings(targets: np.ndarray, ids: Sequence[str], floor: int) -> list[str]:
    """The findings with at least ``floor`` known positives and negatives."""
    positives = np.nansum(targets == 1, axis=0)
    negatives = np.nansum(targets == 0, axis=0)
    return [
        name
        for name, p, n in zip(ids, positives, negatives, strict=True)
        if p >= floor and n >= floor
    ]
