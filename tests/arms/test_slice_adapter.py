"""Slice adapters: what they add, what their routers see, how selective a random one is made."""

from __future__ import annotations

import pytest
import torch

from molre.adapter.core import gate_entropy
from molre.arms.slice_adapter import (
    Adapted,
    Bottleneck,
    MoLRESlices,
    NoAdapter,
    ShuffledMoLRESlices,
    bottleneck_width,
    scale_to_entropy,
)

INDEX = torch.tensor([[4, 0, 13]])


def test_an_update_is_read_as_if_it_had_been_added() -> None:
    torch.manual_seed(0)
    x, low, up, rows = (torch.randn(s) for s in ((2, 5, 8), (2, 5, 3), (8, 3), (4, 8)))
    assert torch.allclose(Adapted(x, (low, up)).read(rows), (x + low @ up.T) @ rows.T, atol=1e-5)
    assert torch.equal(Adapted(x).read(rows), x @ rows.T)


def test_the_frozen_arm_adds_nothing_and_routes_nothing() -> None:
    x = torch.randn(1, 3, 8)
    adapted = NoAdapter()(x, INDEX)
    assert adapted.x is x
    assert adapted.update is None
    assert adapted.gates is None


def test_the_bottleneck_is_a_residual_of_its_own_slice_alone() -> None:
    torch.manual_seed(0)
    adapter = Bottleneck(8, 4)
    torch.nn.init.normal_(adapter.up.weight)
    x, eye = torch.randn(1, 3, 8), torch.eye(8)
    whole = adapter(x, INDEX).read(eye)
    alone = adapter(x[:, 1:2], INDEX).read(eye)
    assert not torch.allclose(whole, x)
    assert torch.allclose(whole[:, 1:2], alone, atol=1e-6)


def test_the_router_of_a_slice_sees_that_slice_or_the_bank_s_at_its_index() -> None:
    torch.manual_seed(0)
    x, bank = torch.randn(1, 3, 8), torch.randn(5, 8)
    assert MoLRESlices(8).context(x, INDEX) is x
    shuffled = ShuffledMoLRESlices(8, bank)
    assert torch.equal(shuffled.context(x, INDEX), bank[[4, 0, 3]].unsqueeze(0))
    assert "bank" in shuffled.state_dict()


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_gates_are_made_as_selective_as_asked(share: float) -> None:
    torch.manual_seed(1)
    adapter, slices = MoLRESlices(16), torch.randn(300, 16)
    weight = adapter.router.out.weight
    before = (weight / weight.norm()).detach().clone()
    scale_to_entropy(weight, lambda: adapter.router(slices), share)
    with torch.no_grad():
        assert float(gate_entropy(adapter.router(slices))) == pytest.approx(share, abs=0.01)
    assert torch.allclose(weight / weight.norm(), before, atol=1e-5)  # scaled, not turned


def test_a_bottleneck_has_at_least_one_unit() -> None:
    assert bottleneck_width(4, 1, 1, 1) >= 1
    assert bottleneck_width(384, 6, 8, 32) < bottleneck_width(384, 6, 16, 32)
