"""Attention pooling: slice embeddings to one score per finding."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from molre.arms.slice_adapter import Adapted


class AttentionPooling(nn.Module):
    """Attention-weighted pooling and a linear head, fused.

    For finding k: ``a_k = softmax(H q_k / sqrt(D))`` over the slices and
    ``logit_k = w_k . (a_k H) + b_k``. As the head is linear, ``w_k . (a_k H) = a_k . (H w_k)``:
    the pooled vectors (B, K, D) never exist, and ``q_k`` and ``w_k`` read H in one product.

    Args:
        dim: D.
        findings: K.
        shared_query: one query for all findings instead of one each.
    """

    def __init__(self, dim: int, findings: int, shared_query: bool = False):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(1 if shared_query else findings, dim))
        self.weight = nn.Parameter(torch.empty(findings, dim))
        self.bias = nn.Parameter(torch.zeros(findings))
        nn.init.normal_(self.weight, std=0.01)  # queries at zero: pooling starts as the mean

    def forward(self, h: Adapted, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and attention.

        Args:
            h: embeddings (B, S, D).
            mask: bool (B, S), true where there is a slice; at least one per row.

        Returns:
            logits (B, K) and attention (B, S, K), zero at padded slices.
        """
        queries = self.query / math.sqrt(self.query.shape[-1])
        read = h.read(torch.cat([queries, self.weight]))
        scores, values = read.split([len(queries), len(self.weight)], dim=-1)
        scores = scores.masked_fill(~mask.unsqueeze(-1), float("-inf"))
        attention = torch.softmax(scores.float(), dim=1).to(values.dtype)
        logits = (attention * values).sum(dim=1) + self.bias
        return logits, attention.expand(-1, -1, self.weight.shape[0])
