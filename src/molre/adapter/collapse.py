"""When a mixture of experts has collapsed: one expert takes all, or all experts are alike.

Needs torch alone, so that a training loop may look at every epoch.
"""

from __future__ import annotations

import torch
from torch import Tensor

COLLAPSE_LOAD = 0.95  # mean load of one expert beyond which the others no longer count
ALIKE = 0.95  # cosine of the updates of every pair beyond which the experts are one expert


def mean_load(gates: Tensor) -> Tensor:
    """The mean share of each expert over all inputs: (..., E) to float32 (E,)."""
    return gates.float().reshape(-1, gates.shape[-1]).mean(0)


def collapsed(gates: Tensor) -> bool:
    """Whether routing has died: one expert takes nearly all, for every input.

    True where one expert's mean load exceeds 0.95. Uniform gates are no collapse: they are plain
    LoRA, which :func:`~molre.adapter.core.gate_entropy` near 1 tells.

    Args:
        gates: (..., E) of many inputs.
    """
    return bool(mean_load(gates).max() > COLLAPSE_LOAD)


@torch.no_grad()
def update_similarity(a: Tensor, b: Tensor, num_experts: int) -> Tensor:
    """Cosine similarity of the experts' weight updates ``B_e A_e``.

    Args:
        a: (E * r, d_in), expert e in rows [e*r, (e+1)*r).
        b: (d_out, E * r), expert e in columns [e*r, (e+1)*r).
        num_experts: E.

    Returns:
        float32 (E, E) in [-1, 1], ones on the diagonal; zeros off it while B is zero.
    """
    a = a.detach().double().unflatten(0, (num_experts, -1))
    b = b.detach().double().unflatten(1, (num_experts, -1)).movedim(1, 0)
    # <B_e A_e, B_f A_f> = sum((B_e^T B_f) * (A_e A_f^T)): r x r numbers, never the full matrices
    inner = torch.einsum("eor,fos,erd,fsd->ef", b, b, a, a)
    norm = inner.diagonal().clamp_min(1e-30).sqrt()
    similarity = inner / norm.outer(norm)
    return similarity.fill_diagonal_(1).clamp(-1, 1).float()


def least_similar(similarity: Tensor) -> float:
    """Similarity of the two experts that differ most: beyond ``ALIKE``, all are one expert.

    Args:
        similarity: (E, E), of :func:`update_similarity`.
    """
    return float(similarity.min())
