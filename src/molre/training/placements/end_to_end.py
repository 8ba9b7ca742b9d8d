"""Placement ``blocks``: adapt a backbone's last blocks and train them with the head, end to end.

Afterwards the adapted backbone embeds every scan once more, and the rest of a run is that of a
frozen backbone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from molre.backbones.backbone import Backbone, Features
from molre.backbones.contract import Contract
from molre.backbones.volume_contract import VolumeContract
from molre.cohort.cohort import Cohort
from molre.ct.cache.volume_cache import scan, volumes_of
from molre.embedding.cache import EmbeddingCache
from molre.embedding.prepare import to_inputs
from molre.model.adapted_backbone import AdaptedBackbone, in_chunks, not_counting
from molre.model.classifier import HeadCTClassifier, Scores, bank_indices
from molre.model.unregistered import Unregistered
from molre.progress import track
from molre.training.data import Inputs


@dataclass
class Pixels:
    """Scans read and prepared again each time they are requested.

    Args:
        cohort: where they are, in its volume cache or as the files that were ingested.
        contract: the backbone's.
    """

    cohort: Cohort
    contract: Contract | VolumeContract
    _files: dict[str, tuple[list[str], str | None]] = field(default_factory=dict)
    _index: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.cohort.chosen().select("content_hash", "files", "hu_map").iter_rows()
        self._files = {content_hash: (paths, hu_map) for content_hash, paths, hu_map in rows}

    @property
    def name(self) -> str:
        """Pixels of the contract."""
        return f"pixels-{self.contract.hash[:12]}"

    def __contains__(self, content_hash: str) -> bool:
        """Whether the scan is in the cohort."""
        return content_hash in self._files

    def get(self, content_hash: str) -> Tensor:
        """Pixels float32 (S, C, size, size), of a 3D backbone (1, C, D, H, W).

        Raises:
            MolreError: the scan cannot be read again.
        """
        (files, hu_map), volumes = self._files[content_hash], volumes_of(self.cohort.path)
        pixels, index = to_inputs(scan(content_hash, files, volumes, hu_map), self.contract)
        self._index[content_hash] = index
        return pixels

    def index(self, content_hash: str) -> np.ndarray:
        """Int (S,): the series' slice in the middle of each slab."""
        if content_hash not in self._index:
            self.get(content_hash)
        return self._index[content_hash]


class BlocksClassifier(nn.Module):
    """An adapted backbone with the head on it: scans in, one logit per finding out.

    Args:
        adapted: the backbone.
        head: pooling and head; its slice adapter is none.
        run: features of the inputs: the backbone, or a prefix's ``resume``.
        slice_budget: slices that are held for the backward pass at a time; of a larger batch each
            chunk of as many is run again in it.
    """

    def __init__(
        self,
        adapted: AdaptedBackbone,
        head: HeadCTClassifier,
        run: Callable[[Tensor], Features],
        slice_budget: int,
    ):
        super().__init__()
        self.adapted, self.head = adapted, head
        self._run, self._budget = Unregistered(run), slice_budget

    @property
    def run(self) -> Callable[[Tensor], Features]:
        """Features of the inputs."""
        return self._run.content

    def halve(self) -> bool:
        """Hold half as many slices at a time from now on; whether that can be done."""
        can, self._budget = self._budget > 1, max(1, self._budget // 2)
        return can

    def forward(
        self, inputs: Tensor, mask: Tensor, bank_index: Tensor, noise: Tensor | None = None
    ) -> Scores:
        """Score a batch of scans.

        Args:
            inputs: (B, S, ...), pixels or tokens.
            mask: bool (B, S), true where there is a slice.
            bank_index: int64 (B, S).
            noise: float32 (B, S, D) to multiply the embeddings by in place of dropout's own draw.

        Returns:
            scores whose gates are float32 (B, S, L, E), of L routed layers.
        """
        slices, index = inputs[mask], bank_index[mask]
        again = torch.is_grad_enabled() and len(slices) > self._budget
        embed = self._embed_twice if again else self._embed
        flat, gates = in_chunks(embed, slices, index, self._budget, self.adapted.backbone)
        scores = self.head(_padded(flat, mask), mask, bank_index, noise)
        padded = None if gates is None else _padded(gates, mask)
        return Scores(scores.logits, scores.attention, padded)

    def embed(self, content_hash: str, slices: Tensor, seed: int) -> tuple[Tensor, Tensor | None]:
        """Embed slices of one scan without gradients.

        Args:
            content_hash: the scan.
            slices: (S, ...), pixels or tokens.
            seed: the run's seed, for the shuffled control.

        Returns:
            float32 (S, D), and gates float32 (S, L, E) or None.
        """
        index = bank_indices(content_hash, len(slices), seed)
        with torch.inference_mode():
            return in_chunks(self._embed, slices, index, self._budget, self.adapted.backbone)

    def _embed_twice(self, slices: Tensor, bank_index: Tensor) -> tuple[Tensor, Tensor | None]:
        """Embed now, and again in the backward pass, instead of holding what that needs."""
        network = self.adapted.backbone.network
        passes = partial(_two_passes, network)
        result: tuple[Tensor, Tensor | None] = checkpoint(
            self._embed, slices, bank_index, use_reentrant=False, context_fn=passes
        )
        return result

    def _embed(self, slices: Tensor, bank_index: Tensor) -> tuple[Tensor, Tensor | None]:
        device = next(self.adapted.backbone.parameters()).device
        inputs = slices.to(device, torch.float32)
        pooled, gates = self.adapted(self.run, inputs, bank_index.to(device))
        return pooled.cpu(), None if gates is None else gates.cpu()


def _two_passes(
    network: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), not_counting(network)


def _padded(flat: Tensor, mask: Tensor) -> Tensor:
    """Rows (S, ...) of the mask's slices at their places (B, S, ...), zeros elsewhere."""
    out = flat.new_zeros(*mask.shape, *flat.shape[1:])
    out[mask] = flat
    return out


def embed_adapted(
    model: BlocksClassifier, inputs: Inputs, hashes: list[str], folder: Path, seed: int
) -> tuple[EmbeddingCache, dict[str, Tensor]]:
    """Embed scans with the trained backbone.

    Args:
        model: trained.
        inputs: of the scans.
        hashes: the scans.
        folder: of the cache that is written.
        seed: the run's seed, for the shuffled control.

    Returns:
        the cache, and for each scan the gates float32 (S, L, E), empty without routed layers.
    """
    cache = EmbeddingCache(folder)
    gates: dict[str, Tensor] = {}
    model.eval()
    for content_hash in track(hashes, "embedding with the trained adapter"):
        pooled, seen = model.embed(content_hash, inputs.get(content_hash), seed)
        cache.put(content_hash, pooled, inputs.index(content_hash))
        if seen is not None:
            gates[content_hash] = seen
    cache.flush()
    return cache, gates


def tokens_gigabytes(backbone: Backbone, cohort: Cohort, width: int) -> float:
    """Disk that a prefix cache of a cohort takes: half-precision tokens of every slice, in GB.

    Args:
        backbone: whose contract bounds the slices of a scan.
        cohort: its scans.
        width: numbers kept a slice, N * D.
    """
    contract = backbone.contract
    most = 1 if isinstance(contract, VolumeContract) else contract.max_slices
    slices = cohort.chosen()["slices"].clip(upper_bound=most).sum()
    return float(slices) * width * 2 / 1e9
