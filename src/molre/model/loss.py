"""Masked multi-label focal loss (Lin et al. 2017) with prevalence weights, as in the paper."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WEIGHT_CAP = 10.0


def prevalence_weights(targets: Tensor) -> Tensor:
    """Weight of a positive and a negative label per finding, from the known training labels.

    ``1 / (2 p)`` for positives and ``1 / (2 (1 - p))`` for negatives, capped at 10, so that both
    classes pull equally whatever the prevalence.

    Args:
        targets: (N, K) of 1, 0 and nan (unknown).

    Returns:
        float32 (K, 2): columns negative, positive.
    """
    known = ~targets.isnan()
    positives = targets.nan_to_num().sum(0)
    p = (positives + 1) / (known.sum(0) + 2)
    return torch.stack([0.5 / (1 - p), 0.5 / p], dim=1).clamp(max=WEIGHT_CAP).float()


def focal_loss(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    gamma: float = 2.0,
    known: Tensor | None = None,
) -> Tensor:
    """Mean over the known labels of ``w (1 - p_t)^gamma * -log(p_t)``.

    Args:
        logits: (B, K).
        targets: (B, K) of 1, 0 and nan; nan is unknown and adds neither loss nor gradient.
        weights: (K, 2), see :func:`prevalence_weights`.
        gamma: focusing exponent; 0 is weighted cross-entropy.
        known: the count to divide by where it is not the batch's own (several processes).

    Returns:
        float32 scalar; 0 where nothing is known.
    """
    logits = logits.float()
    mask = ~targets.isnan()
    y = targets.nan_to_num()
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
    p_true = torch.exp(-cross_entropy)
    weight = torch.where(y > 0.5, weights[:, 1], weights[:, 0])
    loss = weight * (1 - p_true) ** gamma * cross_entropy * mask
    return loss.sum() / (mask.sum() if known is None else known).clamp(min=1)
