"""The fused mixture against the looped formula, and what the method promises."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from molre.adapter.core import LowRankExperts, Router, gate_entropy, molre_delta


def looped(x: Tensor, gates: Tensor, a: Tensor, b: Tensor, scaling: float, r: int) -> Tensor:
    """The formula as the paper writes it: one expert after the other."""
    total = torch.zeros(*x.shape[:-1], b.shape[0], dtype=x.dtype)
    for e in range(gates.shape[-1]):
        expert = x @ a[e * r : (e + 1) * r].T @ b[:, e * r : (e + 1) * r].T
        total = total + gates[..., e : e + 1] * expert
    return scaling * total


@settings(max_examples=25, deadline=None)
@given(
    experts=st.integers(1, 7),
    r=st.integers(1, 9),
    d_in=st.integers(1, 20),
    d_out=st.integers(1, 20),
    batch=st.integers(1, 4),
    slices=st.integers(1, 5),
    seed=st.integers(0, 10_000),
)
def test_fused_equals_looped_in_values_and_gradients(
    experts: int, r: int, d_in: int, d_out: int, batch: int, slices: int, seed: int
) -> None:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, slices, d_in, generator=g, dtype=torch.float64, requires_grad=True)
    a = torch.randn(experts * r, d_in, generator=g, dtype=torch.float64, requires_grad=True)
    b = torch.randn(d_out, experts * r, generator=g, dtype=torch.float64, requires_grad=True)
    raw = torch.randn(batch, slices, experts, generator=g, dtype=torch.float64)
    gates = torch.softmax(raw, -1).requires_grad_()
    inputs = (x, gates, a, b)
    fused, loop = molre_delta(*inputs, 0.7), looped(*inputs, 0.7, r)
    assert torch.allclose(fused, loop, atol=1e-12, rtol=1e-12)
    upstream = torch.randn(fused.shape, generator=g, dtype=torch.float64)
    ours = torch.autograd.grad((fused * upstream).sum(), inputs)
    theirs = torch.autograd.grad((loop * upstream).sum(), inputs)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, atol=1e-11, rtol=1e-11)


def test_uniform_gates_are_one_lora_of_the_summed_rank() -> None:
    torch.manual_seed(0)
    experts = LowRankExperts(16, 12, num_experts=6, r=4, alpha=8).double()
    torch.nn.init.normal_(experts.b)
    x = torch.randn(5, 16, dtype=torch.float64)
    uniform = torch.full((5, 6), 1 / 6, dtype=torch.float64)
    lora = 8 / (6 * 4) * (x @ experts.a.T @ experts.b.T)  # LoRA of rank 24 with the same alpha
    assert torch.allclose(experts(x, uniform), lora, atol=1e-12)


def test_starts_as_the_frozen_layer_with_experts_that_differ() -> None:
    experts = LowRankExperts(10, 10)
    x = torch.randn(3, 10)
    assert torch.equal(experts(x, torch.full((3, 6), 1 / 6)), torch.zeros(3, 10))
    first, second = experts.a[:8], experts.a[8:16]
    assert not torch.allclose(first, second)


def test_order_of_experts_does_not_matter() -> None:
    torch.manual_seed(0)
    experts = LowRankExperts(9, 7, num_experts=4, r=3).double()
    torch.nn.init.normal_(experts.b)
    x = torch.randn(2, 9, dtype=torch.float64)
    gates = torch.softmax(torch.randn(2, 4, dtype=torch.float64), -1)
    order = torch.tensor([2, 0, 3, 1])
    a = experts.a.unflatten(0, (4, 3))[order].flatten(0, 1)
    b = experts.b.unflatten(1, (4, 3))[:, order].flatten(1, 2)
    moved = molre_delta(x, gates[:, order], a, b, experts.scaling)
    assert torch.allclose(experts(x, gates), moved, atol=1e-12)


def test_gates_are_float32_and_sum_to_one_under_bfloat16_autocast() -> None:
    router = Router(16, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        gates = router(torch.randn(4, 16).bfloat16())
    assert gates.dtype == torch.float32
    assert torch.allclose(gates.sum(-1), torch.ones(4), atol=1e-6)


def test_router_learns_once_b_has_moved() -> None:
    torch.manual_seed(0)
    experts, router = LowRankExperts(8, 8), Router(8, 6)
    x = torch.randn(4, 8)
    experts(x, router(x)).square().sum().backward()
    assert router.out.weight.grad is not None
    assert router.out.weight.grad.abs().sum() == 0  # B is zero: only B learns at the first step
    with torch.no_grad():
        experts.b.add_(torch.randn_like(experts.b))
    router.zero_grad()
    experts(x, router(x)).square().sum().backward()
    assert router.out.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("bad", [{"num_experts": 0}, {"r": 0}])
def test_no_experts_or_no_rank_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        LowRankExperts(4, 4, **bad)


def test_entropy_is_one_when_uniform_and_zero_when_one_expert_takes_all() -> None:
    assert gate_entropy(torch.full((3, 6), 1 / 6)).item() == pytest.approx(1)
    assert gate_entropy(torch.eye(6)).item() == pytest.approx(0)
