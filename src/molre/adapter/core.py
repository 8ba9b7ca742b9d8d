"""The method: a mixture of low-rank experts on a frozen linear map (Yoo et al., arXiv 2603.00675).

    h = W0 x + (alpha / r) * sum_e g_e * B_e A_e x        g = softmax(router(c)), in float32
    router(c) = V gelu(U c + u) + v

The experts are never looped over: all A_e are stacked to (E*r, d_in), all B_e to (d_out, E*r), so
the sum is two matrix products with the gates between them. B starts at zero, so an adapted model
starts as the frozen one; the A_e start independent, because experts that share A under a router
that starts near uniform would never become different.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

ROUTER_HIDDEN = 32
ROUTER_START_STD = 0.01  # near-uniform gates at the start


def router_gates(
    context: Tensor, w_in: Tensor, b_in: Tensor | None, w_out: Tensor, b_out: Tensor | None
) -> Tensor:
    """The router, ``softmax(w_out gelu(w_in c + b_in) + b_out)``, never below float32.

    Autocast is switched off inside: the softmax of close logits loses its differences in bfloat16.

    Args:
        context: (..., d_context), any floating dtype.
        w_in: (hidden, d_context).
        b_in: (hidden,) or None.
        w_out: (E, hidden).
        b_out: (E,) or None.

    Returns:
        (..., E), non-negative, summing to one; float64 where the weights are, else float32.
    """
    dtype = torch.promote_types(w_in.dtype, torch.float32)
    with torch.autocast(context.device.type, enabled=False):
        hidden = functional.linear(context.to(dtype), w_in.to(dtype), _to(b_in, dtype))
        logits = functional.linear(functional.gelu(hidden), w_out.to(dtype), _to(b_out, dtype))
        return torch.softmax(logits, dim=-1)


def _to(bias: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if bias is None else bias.to(dtype)


class Router(nn.Module):
    """Two-layer MLP from a routing context to gates; it never sees a label.

    Args:
        d_context: width of the context.
        num_experts: E.
        hidden: width of the hidden layer; 32 keeps the router smaller than the experts.
    """

    def __init__(self, d_context: int, num_experts: int, hidden: int = ROUTER_HIDDEN):
        super().__init__()
        self.hidden = nn.Linear(d_context, hidden)
        self.out = nn.Linear(hidden, num_experts)
        nn.init.normal_(self.out.weight, std=ROUTER_START_STD)
        nn.init.zeros_(self.out.bias)

    def forward(self, context: Tensor) -> Tensor:
        """Gates (..., E) of a context (..., d_context), as :func:`router_gates`."""
        return router_gates(
            context, self.hidden.weight, self.hidden.bias, self.out.weight, self.out.bias
        )


def molre_delta(x: Tensor, gates: Tensor, a: Tensor, b: Tensor, scaling: float) -> Tensor:
    """The low-rank part of the layer, ``scaling * sum_e g_e B_e A_e x``, fused.

    The gates act on the E*r numbers between the two products, so nothing of width ``d_out`` is
    kept per expert.

    Args:
        x: (..., d_in).
        gates: (..., E), broadcastable against the leading axes of ``x``.
        a: (E * r, d_in), expert e in rows [e*r, (e+1)*r).
        b: (d_out, E * r), expert e in columns [e*r, (e+1)*r).
        scaling: alpha / r.

    Returns:
        (..., d_out) in the dtype of ``a @ x``.
    """
    return functional.linear(gated_ranks(x, gates, a, scaling), b)


def gated_ranks(x: Tensor, gates: Tensor, a: Tensor, scaling: float) -> Tensor:
    """The E*r numbers between the two products of :func:`molre_delta`, gates and scaling applied.

    Args:
        x: (..., d_in).
        gates: (..., E), broadcastable against the leading axes of ``x``.
        a: (E * r, d_in).
        scaling: alpha / r.

    Returns:
        (..., E * r) in the dtype of ``a @ x``.
    """
    z = functional.linear(x, a)
    return z * spread_gates(gates, z.shape[-1], scaling).to(z.dtype)


def spread_gates(gates: Tensor, width: int, scaling: float) -> Tensor:
    """Each gate repeated over the rows of its expert, times ``scaling``.

    Args:
        gates: (..., E).
        width: E * r.
        scaling: alpha / r.

    Returns:
        (..., E * r) in the dtype of the gates.
    """
    return (gates * scaling).repeat_interleave(width // gates.shape[-1], dim=-1)


class LowRankExperts(nn.Module):
    """E experts of rank r, stacked.

    Args:
        d_in: input width.
        d_out: output width.
        num_experts: E, at least 1.
        r: rank of each expert, at least 1.
        alpha: the sum is scaled by ``alpha / r``; ``r`` by default, so by 1.

    Raises:
        ValueError: if ``num_experts`` or ``r`` is below 1.
    """

    def __init__(
        self, d_in: int, d_out: int, num_experts: int = 6, r: int = 8, alpha: float | None = None
    ):
        super().__init__()
        if num_experts < 1 or r < 1:
            raise ValueError(f"num_experts and r must be at least 1, got {num_experts} and {r}")
        self.num_experts, self.r = num_experts, r
        self.scaling = (r if alpha is None else alpha) / r
        self.a = nn.Parameter(torch.empty(num_experts * r, d_in))
        self.b = nn.Parameter(torch.zeros(d_out, num_experts * r))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x: Tensor, gates: Tensor) -> Tensor:
        """``scaling * sum_e g_e B_e A_e x``; shapes as in :func:`molre_delta`."""
        return molre_delta(x, gates, self.a, self.b, self.scaling)


def gate_entropy(gates: Tensor) -> Tensor:
    """Mean Shannon entropy of gates as a share of its maximum: 1 is uniform, 0 is one expert.

    Args:
        gates: (..., E) summing to one; E of at least 2.

    Returns:
        float32 scalar in [0, 1].
    """
    entropy = torch.special.entr(gates.float()).sum(-1).mean()
    return entropy / math.log(gates.shape[-1])
