"""HeadCTClassifier: slice embeddings of a scan in, one logit per finding out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from molre.arms.slice_adapter import NoAdapter
from molre.model.pooling import AttentionPooling


@dataclass(frozen=True)
class Scores:
    """What the classifier says of a batch.

    Attributes:
        logits: (B, K).
        attention: (B, S, K), each finding's weights over slices sum to one.
        gates: float32 (B, S, E), or None without a router.
    """

    logits: Tensor
    attention: Tensor
    gates: Tensor | None


class HeadCTClassifier(nn.Module):
    """Layer norm and centering, dropout, slice adapter, attention pooling, linear head.

    Args:
        dim: D, width of a slice embedding.
        findings: K.
        adapter: a slice adapter; None is the frozen backbone.
        shared_query: one attention query for all findings.
        dropout: on the normalized embeddings, in training.
    """

    center: Tensor

    def __init__(
        self,
        dim: int,
        findings: int,
        adapter: nn.Module | None = None,
        shared_query: bool = False,
        dropout: float = 0.3,
    ):
        super().__init__()
        self.register_buffer("center", torch.zeros(dim))
        self.dropout = nn.Dropout(dropout)
        self.adapter = adapter if adapter is not None else NoAdapter()
        self.pooling = AttentionPooling(dim, findings, shared_query)

    def normalize(self, embeddings: Tensor) -> Tensor:
        """Layer norm without parameters, minus the training mean: (..., D) to float32 (..., D)."""
        x = functional.layer_norm(embeddings.float(), embeddings.shape[-1:])
        return x.sub_(self.center)

    def forward(
        self, embeddings: Tensor, mask: Tensor, bank_index: Tensor, noise: Tensor | None = None
    ) -> Scores:
        """Score a batch of scans.

        Args:
            embeddings: (B, S, D) as they come from the backbone, any floating dtype.
            mask: bool (B, S), true where there is a slice.
            bank_index: int64 (B, S), see :func:`bank_indices`; used by the shuffled control only.
            noise: float32 (B, S, D) to multiply by in place of dropout's own draw.
        """
        x = self.normalize(embeddings)
        x = self.dropout(x) if noise is None else x.mul_(noise)
        adapted = self.adapter(x, bank_index)
        logits, attention = self.pooling(adapted, mask)
        return Scores(logits, attention, adapted.gates)


def bank_indices(content_hash: str, slices: int, seed: int) -> Tensor:
    """Which stored slice stands in for each slice of a scan: a hash of seed, series and slice.

    Args:
        content_hash: the series' hash (:attr:`molre.ct.volume.Volume.content_hash`).
        slices: S.
        seed: the run's seed.

    Returns:
        int64 (S,), non-negative; taken modulo the bank's size by its user.
    """
    key = hashlib.sha256(f"{seed}/{content_hash}".encode()).digest()[:8]
    generator = torch.Generator().manual_seed(int.from_bytes(key, "big") >> 1)
    return torch.randint(0, 2**31 - 1, (slices,), generator=generator)
