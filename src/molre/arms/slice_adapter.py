"""Slice adapters: what may change a slice embedding before the slices are pooled.

Every adapter adds an update of low rank to embeddings (B, S, D) and starts as the identity. The
routed ones also say which experts they used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from molre.adapter.core import LowRankExperts, Router, gate_entropy, gated_ranks

RANDOM_ENTROPY = 0.7  # of a frozen random router, over the maximum


@dataclass(frozen=True)
class Adapted:
    """Adapted embeddings ``h = x + low up^T`` (B, S, D), which are never added up.

    What comes after them reads them through a few linear maps, and a linear map of the update is
    cheaper taken before it is widened to D than after.

    Attributes:
        x: (B, S, D).
        update: ``low`` (B, S, R) and ``up`` (D, R); None where nothing is added.
        gates: float32 (B, S, E), or None without a router.
    """

    x: Tensor
    update: tuple[Tensor, Tensor] | None = None
    gates: Tensor | None = None

    def read(self, rows: Tensor) -> Tensor:
        """``h rows^T``, (B, S, N) for rows (N, D)."""
        read = functional.linear(self.x, rows)
        if self.update is None:
            return read
        low, up = self.update
        return read + functional.linear(low, rows @ up)


class NoAdapter(nn.Module):
    """The backbone as it is (arm ``frozen``)."""

    def forward(self, x: Tensor, bank_index: Tensor) -> Adapted:
        """``x`` unchanged."""
        return Adapted(x)


class Bottleneck(nn.Module):
    """A residual GELU bottleneck: the control for "is it only a nonlinearity?" (``mlp_matched``).

    Args:
        dim: D.
        hidden: width of the bottleneck.
    """

    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.down = nn.Linear(dim, hidden)
        self.up = nn.Linear(hidden, dim, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor, bank_index: Tensor) -> Adapted:
        """``x + up(gelu(down(x)))``."""
        return Adapted(x, (functional.gelu(self.down(x)), self.up.weight))


class MoLRESlices(nn.Module):
    """MoLRE over an identity: ``h = x + (alpha/r) sum_e g_e B_e A_e x`` per slice embedding.

    Args:
        dim: D.
        num_experts: E.
        r: rank of each expert.
        hidden: hidden width of the router.
        scaling: ``alpha / r``.
    """

    def __init__(
        self,
        dim: int,
        num_experts: int = 6,
        r: int = 8,
        hidden: int = 32,
        scaling: float = 1.0,
    ):
        super().__init__()
        self.experts = LowRankExperts(dim, dim, num_experts, r, scaling * r)
        self.router = Router(dim, num_experts, hidden)

    def context(self, x: Tensor, bank_index: Tensor) -> Tensor:
        """What the router sees: the slice embedding itself."""
        return x

    def forward(self, x: Tensor, bank_index: Tensor) -> Adapted:
        """``h``, and the gates."""
        gates = self.router(self.context(x, bank_index))
        experts = self.experts
        low = gated_ranks(x, gates, experts.a, experts.scaling)
        return Adapted(x, (low, experts.b), gates)


class ShuffledMoLRESlices(MoLRESlices):
    """The routing control: the router sees another slice, picked from a stored bank.

    Which one is a hash of seed, series and slice (:func:`bank_indices`), so that no output
    depends on what else is in the batch.

    Args:
        dim: D.
        bank: float32 (N, D), normalized training slices; kept with the model.
        sizes: those of :class:`MoLRESlices`.
    """

    bank: Tensor

    def __init__(self, dim: int, bank: Tensor, *sizes: Any):
        super().__init__(dim, *sizes)
        self.register_buffer("bank", bank)

    def context(self, x: Tensor, bank_index: Tensor) -> Tensor:
        """The bank's slices at ``bank_index`` int64 (B, S)."""
        return self.bank[bank_index % self.bank.shape[0]].to(x.dtype)


def freeze_random_router(
    adapter: MoLRESlices, slices: Tensor, share: float = RANDOM_ENTROPY
) -> None:
    """Freeze the router at random weights whose mean gate entropy is ``share`` of its maximum.

    A random router at its initial scale gates nearly uniformly, which would be plain LoRA; the
    output layer is scaled by bisection until it is as selective as asked.

    Args:
        adapter: changed in place.
        slices: (N, D) normalized training slices to measure the entropy on.
        share: wanted mean entropy over its maximum, in (0, 1).
    """
    router = adapter.router
    router.requires_grad_(False)
    scale_to_entropy(router.out.weight, lambda: router(slices), share)


def scale_to_entropy(
    weight: Tensor, gates: Callable[[], Tensor], share: float = RANDOM_ENTROPY
) -> None:
    """Scale a router's output layer until its mean gate entropy is ``share`` of its maximum.

    Args:
        weight: (E, hidden), changed in place.
        gates: the gates (N, E) that the router gives with ``weight`` as it is.
        share: wanted mean entropy over its maximum, in (0, 1).
    """
    with torch.no_grad():
        direction = weight / weight.norm()
        low, high = 0.0, 1e4
        for _ in range(60):
            middle = (low + high) / 2
            weight.copy_(direction * middle)
            if float(gate_entropy(gates())) > share:
                low = middle
            else:
                high = middle


def bottleneck_width(dim: int, num_experts: int, r: int, hidden: int) -> int:
    """Hidden width at which :class:`Bottleneck` has MoLRE's parameter count, rounded down."""
    molre = 2 * num_experts * r * dim + (dim + 1) * hidden + (hidden + 1) * num_experts
    return max(1, molre // (2 * dim + 1))
