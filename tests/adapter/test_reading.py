"""Reading a router: the gates of each layer, and whether its experts differ."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import nn

from molre.adapter import MoLREConfig, collapsed, expert_similarity, gates, mean_load, reading
from molre.adapter.layer import Convolution, Linear
from tests.helpers.adapter.models import CASES
from tests.helpers.adapter.oracle import own_gates
from tests.helpers.adapter.small import wake


def tokens_model(**options: Any) -> Any:
    torch.manual_seed(0)
    base = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 5))
    sizes = {"r": 2, "num_experts": 3, "router_dim": 4, "init_weights": False}
    return wake(get_peft_model(base, MoLREConfig(target_modules=["0", "1"], **sizes, **options)))


FIRST, SECOND = "base_model.model.0", "base_model.model.1"


def test_gates_are_those_of_each_layers_own_input() -> None:
    model, x = tokens_model(), torch.randn(5, 7, 4)
    read = gates(model, x)
    assert list(read) == [FIRST, SECOND]
    inner = model.base_model.model[0](x)
    for name, context in ((FIRST, x), (SECOND, inner)):
        layer = model.get_submodule(name)
        expected = torch.stack([own_gates(item.mean(0), layer, "default") for item in context])
        torch.testing.assert_close(read[name], expected)
        assert not read[name].requires_grad
    assert all(layer.seen_gates is None for layer in reading.layers(model).values())


def test_token_gates_keep_their_tokens() -> None:
    read = gates(tokens_model(gate_mode="token"), torch.randn(5, 7, 4))
    assert {name: tuple(g.shape) for name, g in read.items()} == {
        FIRST: (5, 7, 3),
        SECOND: (5, 7, 3),
    }


def test_a_real_model_is_read_by_name() -> None:
    case = CASES["hf_vit"]
    read = gates(case.adapted(), pixel_values=case.batch(3))
    assert len(read) == case.wrapped
    assert all(g.shape == (3, 3) for g in read.values())


def test_disabled_adapters_have_no_gates() -> None:
    model = tokens_model()
    with model.disable_adapter():
        assert gates(model, torch.randn(2, 7, 4)) == {}


def test_a_model_without_adapter_is_refused() -> None:
    with pytest.raises(ValueError, match="has no MoLRE layers: adapt it with get_peft_model"):
        gates(nn.Linear(3, 3), torch.randn(1, 3))


def test_contexts_are_the_pooled_inputs() -> None:
    model, x = tokens_model(), torch.randn(5, 7, 4)
    seen = reading.contexts(model, x)
    torch.testing.assert_close(seen[FIRST], x.mean(1))
    torch.testing.assert_close(seen[SECOND], model.base_model.model[0](x).mean(1).detach())


def test_routed_by_replaces_the_context_while_it_is_open() -> None:
    model, x = tokens_model(), torch.randn(3, 7, 4)
    other = torch.randn(3, 6)
    before = gates(model, x)
    with reading.routed_by(model, {SECOND: other}):
        inside = gates(model, x)
    layer = model.get_submodule(SECOND)
    expected = torch.stack([own_gates(context, layer, "default") for context in other])
    torch.testing.assert_close(inside[SECOND], expected)
    assert torch.equal(inside[FIRST], before[FIRST])
    assert torch.equal(gates(model, x)[SECOND], before[SECOND])


def test_routed_by_its_own_contexts_changes_nothing() -> None:
    model, x = tokens_model(), torch.randn(3, 7, 4)
    with torch.no_grad():
        expected = model(x)
        with reading.routed_by(model, reading.contexts(model, x)):
            assert torch.equal(model(x), expected)


def test_routed_by_closes_on_an_error_and_knows_its_layers() -> None:
    model = tokens_model()
    with (
        pytest.raises(ValueError, match="contexts for 9"),
        reading.routed_by(model, {FIRST: torch.zeros(9, 4)}),
    ):
        model(torch.randn(3, 7, 4))
    assert model.get_submodule(FIRST).contexts is None
    with (
        pytest.raises(ValueError, match=rf"^head is not an adapted layer: .* {FIRST}, {SECOND}"),
        reading.routed_by(model, {"head": torch.zeros(1)}),
    ):
        pass


def test_mean_load_is_the_share_of_each_expert() -> None:
    g = torch.tensor([[[1.0, 0, 0], [0, 1, 0]], [[1, 0, 0], [0.5, 0.5, 0]]])
    assert mean_load(g).tolist() == [0.625, 0.375, 0.0]


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_similarity_is_the_cosine_of_the_experts_updates(kind: str) -> None:
    torch.manual_seed(0)
    config = MoLREConfig(r=3, num_experts=4, init_weights=False)
    if kind == "linear":
        layer: Any = Linear(nn.Linear(7, 5), "lin", "default", config)
    else:
        layer = Convolution(nn.Conv2d(3, 5, (2, 3)), "conv", "default", config)
    a, b = layer.molre_A["default"].weight.flatten(1), layer.molre_B["default"].weight.flatten(1)
    full = torch.stack([b[:, 3 * e : 3 * e + 3] @ a[3 * e : 3 * e + 3] for e in range(4)])
    flat = full.flatten(1).detach()
    expected = nn.functional.cosine_similarity(flat[:, None], flat[None], dim=-1)
    torch.testing.assert_close(expert_similarity(layer), expected, atol=1e-5, rtol=0)


def test_equal_experts_are_similar_and_opposite_ones_are_not() -> None:
    config = MoLREConfig(r=2, num_experts=2, init_weights=False)
    layer: Any = Linear(nn.Linear(4, 3), "lin", "default", config)
    a, b = layer.molre_A["default"].weight, layer.molre_B["default"].weight
    with torch.no_grad():
        a[2:], b[:, 2:] = a[:2], b[:, :2]
        torch.testing.assert_close(expert_similarity(layer), torch.ones(2, 2))
        b[:, 2:] *= -1
    assert expert_similarity(layer)[0, 1].item() == pytest.approx(-1)


def test_similarity_at_the_start_and_of_an_unknown_adapter() -> None:
    layer: Any = Linear(nn.Linear(4, 3), "lin", "default", MoLREConfig(num_experts=3))
    assert torch.equal(expert_similarity(layer), torch.eye(3))
    with pytest.raises(ValueError, match="^lin has no adapter 'other'"):
        expert_similarity(layer, "other")


def test_collapse_is_one_expert_for_every_input() -> None:
    assert collapsed(torch.tensor([[0.99, 0.01, 0.0], [0.96, 0.02, 0.02]]))
    assert not collapsed(torch.eye(3))  # one each, by input: that is routing
    assert not collapsed(torch.full((5, 3), 1 / 3))


def test_summary_is_plain_numbers() -> None:
    g = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
    (numbers,) = reading.summary({"layer": g}).values()
    assert numbers["entropy"] == pytest.approx(math.log(2) / math.log(3))
    assert numbers["mean_load"] == [0.5, 0.5, 0.0]
    assert numbers["collapsed"] is False


def two_adapters() -> Any:
    """The second has other experts, another rank and another mode."""
    model = tokens_model(gate_mode="mean")
    sizes = {"r": 1, "num_experts": 2, "router_dim": 3, "init_weights": False}
    model.add_adapter("second", MoLREConfig(target_modules=["0", "1"], gate_mode="cls", **sizes))
    return wake(model).eval()


def test_the_active_adapters_mode_is_read() -> None:
    model, x = two_adapters(), torch.randn(5, 7, 4)
    torch.testing.assert_close(reading.contexts(model, x)[FIRST], x.mean(1))
    model.set_adapter("second")
    assert torch.equal(reading.contexts(model, x)[FIRST], x[:, 0])
    assert gates(model, x)[FIRST].shape == (5, 2)
    with torch.no_grad():
        expected = model(x)
        with reading.routed_by(model, reading.contexts(model, x)):
            torch.testing.assert_close(model(x), expected)


def test_several_active_adapters_have_an_entry_each() -> None:
    model, x = two_adapters(), torch.randn(5, 7, 4)
    model.base_model.set_adapter(["default", "second"])
    read = gates(model, x)
    assert {name: tuple(g.shape) for name, g in read.items()} == {
        f"{FIRST}:default": (5, 3),
        f"{FIRST}:second": (5, 2),
        f"{SECOND}:default": (5, 3),
        f"{SECOND}:second": (5, 2),
    }
    layer = model.get_submodule(FIRST)
    expected = torch.stack([own_gates(item[0], layer, "second") for item in x])
    torch.testing.assert_close(read[f"{FIRST}:second"], expected)
    with pytest.raises(ValueError, match=r"default and second are active .*set_adapter to one"):
        reading.contexts(model, x)


def test_disabled_adapters_and_fixed_gates_see_nothing() -> None:
    model, x = tokens_model(), torch.randn(2, 7, 4)
    with model.disable_adapter():
        assert reading.contexts(model, x) == {}
    assert reading.contexts(tokens_model(fixed_gates=[0.2, 0.3, 0.5]), x) == {}


def test_contexts_of_another_batch_are_refused() -> None:
    model, x = tokens_model(), torch.randn(1, 7, 4)
    with (
        pytest.raises(ValueError, match=r"^0 got a batch of 1 and contexts for 2"),
        reading.routed_by(model, {FIRST: torch.zeros(2, 4)}),
    ):
        model(x)
