"""The adapted layer against the method written out item by item and expert by expert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn import functional

from molre.adapter import MoLREConfig
from molre.adapter.layer import Convolution, Linear
from tests.helpers.adapter.oracle import looped_convolution, looped_linear

D = torch.float64


def adapted(base: nn.Module, **config: Any) -> Any:
    """A layer in float64 with weights that are nowhere zero, the router's too."""
    kind = Linear if isinstance(base, nn.Linear) else Convolution
    options = {"r": 2, "num_experts": 3, "router_dim": 4, "init_weights": False, **config}
    layer = kind(base.double(), "the.layer", "default", MoLREConfig(**options)).double()
    for name, parameter in layer.named_parameters():
        if "router" in name:
            nn.init.normal_(parameter, std=0.7)
    return layer


def assert_same(
    layer: Any, x: Tensor, oracle: Callable[..., Tensor], mode: str, scale: float
) -> None:
    """Values to 1e-12 and the gradients of the input and every adapter weight to 1e-11."""
    x = x.requires_grad_()
    leaves = [x, *(p for n, p in layer.named_parameters() if "molre_" in n)]
    fused, loop = layer(x), oracle(layer, x, mode, scale)
    torch.testing.assert_close(fused, loop, atol=1e-12, rtol=1e-12)
    upstream = torch.randn(fused.shape, dtype=D)
    ours = torch.autograd.grad((fused * upstream).sum(), leaves)
    theirs = torch.autograd.grad((loop * upstream).sum(), leaves)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.abs().sum() > 0 or mine.numel() == 0
        torch.testing.assert_close(mine, other, atol=1e-11, rtol=1e-11)


LINEAR_MODES = [("mean", ()), ("token", ()), ("mean", (3,)), ("cls", (3,)), ("token", (3,))]
LINEAR_MODES += [("mean", (2, 3)), ("token", (2, 3)), ("cls", (1,))]


@settings(max_examples=25)
@given(
    mode_and_tokens=st.sampled_from(LINEAR_MODES),
    batch=st.integers(1, 3),
    d_in=st.integers(1, 9),
    d_out=st.integers(1, 9),
    r=st.integers(1, 4),
    experts=st.integers(2, 6),
    router_dim=st.integers(1, 6),
    alpha=st.sampled_from([None, 1.0, 16.0]),
    rslora=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_linear_is_the_looped_formula(
    mode_and_tokens: tuple[str, tuple[int, ...]],
    batch: int,
    d_in: int,
    d_out: int,
    r: int,
    experts: int,
    router_dim: int,
    alpha: float | None,
    rslora: bool,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    mode, tokens = mode_and_tokens
    sizes = {"r": r, "num_experts": experts, "router_dim": router_dim}
    layer = adapted(nn.Linear(d_in, d_out), gate_mode=mode, alpha=alpha, use_rslora=rslora, **sizes)
    scale = (alpha or r) / (r**0.5 if rslora else r)
    x = torch.randn(batch, *tokens, d_in, dtype=D)
    assert_same(layer, x, looped_linear, mode, scale)


@settings(max_examples=25)
@given(
    space=st.integers(1, 3),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    r=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_convolution_is_the_looped_formula(
    space: int,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
    channels: tuple[int, int],
    r: int,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[space]
    base = kind(*channels, kernel, stride=stride, padding=padding, dilation=dilation)
    layer = adapted(base, r=r, alpha=5.0)
    x = torch.randn(2, channels[0], *(5, 6, 7)[:space], dtype=D)
    assert_same(layer, x, looped_convolution, "mean", 5 / r)


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv2d, nn.Conv3d])
def test_pointwise_convolution_with_a_gate_for_each_place(kind: Any) -> None:
    torch.manual_seed(0)
    layer = adapted(kind(4, 5, 1), gate_mode="token")
    x = torch.randn(2, 4, *(3, 2, 4)[: layer._spatial()], dtype=D)
    assert_same(layer, x, looped_convolution, "token", 1.0)


def test_convolution_that_pads_to_the_same_size_and_in_circles() -> None:
    torch.manual_seed(0)
    base = nn.Conv2d(3, 4, 3, padding="same", padding_mode="circular")
    layer = adapted(base, fixed_gates=[0.2, 0.3, 0.5])
    x = torch.randn(2, 3, 5, 5, dtype=D)
    wrapped = functional.pad(x, (1, 1, 1, 1), mode="circular")
    weight = base.weight.detach().clone()
    for e, gate in enumerate((0.2, 0.3, 0.5)):
        a, b = (p["default"].weight for p in (layer.molre_A, layer.molre_B))
        weight += gate * torch.einsum(
            "or,rikl->oikl", b[:, 2 * e : 2 * e + 2, 0, 0], a[2 * e : 2 * e + 2]
        )
    torch.testing.assert_close(layer(x), functional.conv2d(wrapped, weight, base.bias))


class Small(nn.Module):
    """A linear layer and a convolution, to be adapted together."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.lin = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin(self.conv(x).flatten(2).mT)


def beside_peft_lora(rslora: bool, lora_alpha: float) -> tuple[Tensor, Tensor]:
    """Outputs of MoLRE with a router that says nothing, and of peft's LoRA with its weights."""
    experts, r, alpha = 4, 3, 10.0
    torch.manual_seed(0)
    base, x = Small(), torch.randn(2, 3, 4, 4)
    targets = ["conv", "lin"]
    config = {"target_modules": targets, "use_rslora": rslora}
    lora = LoraConfig(r=experts * r, lora_alpha=lora_alpha, init_lora_weights=False, **config)
    theirs = get_peft_model(base, lora)
    expected = theirs(x)
    weights = {n: p for n, p in theirs.named_parameters() if "lora_" in n}
    molre = MoLREConfig(r=r, num_experts=experts, alpha=alpha, init_weights=False, **config)
    ours = get_peft_model(theirs.unload(), molre)
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if "molre_A" in name or "molre_B" in name:
                parameter.copy_(weights[name.replace("molre_", "lora_")])
            elif "router_out" in name:
                parameter.zero_()
    return ours(x), expected


def test_uniform_gates_are_pefts_own_lora_of_the_summed_rank_and_the_same_alpha() -> None:
    ours, theirs = beside_peft_lora(rslora=False, lora_alpha=10.0)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def test_with_rslora_the_scale_follows_the_rank_of_one_expert() -> None:
    # alpha / sqrt(r) / E here, alpha / sqrt(E r) there: equal for alpha smaller by sqrt(E) there
    ours, theirs = beside_peft_lora(rslora=True, lora_alpha=10.0 / 4**0.5)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    ours, same_alpha = beside_peft_lora(rslora=True, lora_alpha=10.0)
    assert not torch.allclose(ours, same_alpha, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_starts_bit_equal_to_the_base_layer(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model, x = Small().to(dtype).requires_grad_(False), torch.randn(2, 3, 4, 4).to(dtype)
    before = model(x)
    adapted_model = get_peft_model(model, MoLREConfig(target_modules=["conv", "lin"]))
    assert torch.equal(adapted_model(x), before)


@pytest.mark.parametrize("base", [nn.Linear(4, 5), nn.Conv1d(4, 5, 3)], ids=["linear", "conv"])
def test_order_of_experts_does_not_matter(base: nn.Module) -> None:
    torch.manual_seed(0)
    layer, x = adapted(base), torch.randn(2, 4, 4, dtype=D)
    before, order = layer(x), torch.tensor([2, 0, 1])
    a, b = layer.molre_A["default"], layer.molre_B["default"]
    out = layer.molre_router_out["default"]
    with torch.no_grad():
        a.weight.copy_(a.weight.unflatten(0, (3, 2))[order].flatten(0, 1))
        out.weight.copy_(out.weight[order])
        out.bias.copy_(out.bias[order])
        assert not torch.allclose(layer(x), before)  # B is still in the old order
        b.weight.copy_(b.weight.unflatten(1, (3, 2))[:, order].flatten(1, 2))
    torch.testing.assert_close(layer(x), before, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("mode", ["mean", "cls", "token"])
def test_an_items_output_does_not_depend_on_its_batch(mode: str) -> None:
    torch.manual_seed(0)
    layer = adapted(nn.Linear(4, 5), gate_mode=mode)
    x = torch.randn(4, 3, 4, dtype=D)
    alone = layer(x[1:2])
    torch.testing.assert_close(layer(x)[1:2], alone, atol=1e-12, rtol=1e-12)
    x[[0, 2, 3]] = 1e3
    torch.testing.assert_close(layer(x)[1:2], alone, atol=1e-12, rtol=1e-12)


def test_a_convolved_items_output_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    layer, x = adapted(nn.Conv2d(3, 4, 3)), torch.randn(4, 3, 5, 5, dtype=D)
    alone = layer(x[1:2])
    x[[0, 2, 3]] = 1e3
    torch.testing.assert_close(layer(x)[1:2], alone, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [False, True])
def test_gates_are_float32_and_sum_to_one(dtype: torch.dtype, autocast: bool) -> None:
    torch.manual_seed(0)
    layer = adapted(nn.Linear(16, 8), num_experts=6).to(dtype)
    x = torch.randn(3, 7, 16).to(dtype)
    layer.seen_gates = []
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        layer(x)
    (gates,) = layer.seen_gates
    assert gates.dtype == torch.float32
    torch.testing.assert_close(gates.sum(-1), torch.ones(3), atol=1e-6, rtol=0)
    precise = torch.stack([own(layer.float(), item.float()) for item in x])
    torch.testing.assert_close(
        gates, precise, atol=2e-3 if dtype != torch.float32 else 1e-6, rtol=0
    )


def own(layer: Any, item: Tensor) -> Tensor:
    from tests.helpers.adapter.oracle import own_gates

    return own_gates(item.mean(0), layer, "default")


def test_dropout_acts_on_the_experts_input_and_not_on_base_or_router() -> None:
    torch.manual_seed(0)
    layer, x = adapted(nn.Linear(6, 5), dropout=0.5), torch.randn(2, 3, 6, dtype=D)
    gates = layer.gates(x, "default").detach()
    torch.manual_seed(1)
    out = layer.train()(x)
    torch.manual_seed(1)
    dropped = functional.dropout(x, 0.5)
    layer.contexts = x.mean(1)  # the router sees what was not dropped
    layer.eval()
    expected = layer.base_layer(x) + layer(dropped) - layer.base_layer(dropped)
    torch.testing.assert_close(out, expected, atol=1e-12, rtol=1e-12)
    assert torch.equal(layer.gates(x, "default"), gates)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4)])
def test_cls_needs_one_axis_of_tokens(shape: tuple[int, ...]) -> None:
    layer = adapted(nn.Linear(4, 5), gate_mode="cls")
    with pytest.raises(ValueError, match=r"^the\.layer got an input of shape .* use 'mean'\.$"):
        layer(torch.randn(2, *shape, dtype=D))


def test_cls_on_a_convolution_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the\.layer is a convolution: .*gate_mode='cls'"):
        adapted(nn.Conv2d(3, 4, 1), gate_mode="cls")


@pytest.mark.parametrize("options", [{"kernel_size": 3}, {"kernel_size": 1, "stride": 2}])
def test_token_gates_on_a_convolution_that_moves_places_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=r"^the\.layer has kernel .*gate_mode='token'"):
        adapted(nn.Conv2d(3, 4, **options), gate_mode="token")


def trainable(model: nn.Module) -> set[str]:
    return {n.split("molre_")[-1] for n, p in model.named_parameters() if p.requires_grad}


def test_a_router_that_is_not_trained_stays_without_gradient() -> None:
    model: Any = get_peft_model(Small(), MoLREConfig(target_modules=["lin"], train_router=False))
    experts = {"A.default.weight", "B.default.weight"}
    assert trainable(model) == experts
    with model.disable_adapter():
        pass
    assert trainable(model) == experts
    model.base_model.disable_adapter_layers()
    model.base_model.enable_adapter_layers()
    assert trainable(model) == experts
    model.add_adapter("other", MoLREConfig(target_modules=["lin"]))
    model.set_adapter("other")
    assert "router_in.other.weight" in trainable(model)
    assert not any("default" in name for name in trainable(model))
    model.set_adapter("default")
    assert trainable(model) == experts
    model.base_model.set_requires_grad(["default", "other"], True)
    assert not any("router" in n and "default" in n for n in trainable(model))
    model(torch.randn(2, 3, 4, 4)).sum().backward()
    assert model.base_model.model.lin.molre_router_out["default"].weight.grad is None
