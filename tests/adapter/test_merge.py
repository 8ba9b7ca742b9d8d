"""Fixed gates merge exactly; routed ones refuse and change nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from molre.adapter import MoLREConfig

LAYERS = {
    "linear": (lambda: nn.Linear(4, 5), (2, 3, 4)),
    "conv1d": (lambda: nn.Conv1d(4, 5, 3, stride=2), (2, 4, 9)),
    "conv2d": (lambda: nn.Conv2d(4, 5, 3, padding=1, dilation=2), (2, 4, 7, 7)),
    "conv3d": (lambda: nn.Conv3d(4, 5, 2), (2, 4, 3, 3, 3)),
    "transformers_conv1d": (lambda: Conv1D(5, 4), (2, 3, 4)),
}
OPTIONS: dict[str, Any] = {"target_modules": ["0", "1"], "r": 2, "num_experts": 2}


def model(base: nn.Module, **options: Any) -> Any:
    torch.manual_seed(0)
    whole = nn.Sequential(base, nn.Identity()).double()
    config = MoLREConfig(**{**OPTIONS, "target_modules": ["0"], "init_weights": False, **options})
    return get_peft_model(whole, config)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("safe", [False, True])
def test_fixed_gates_merge_and_unmerge_exactly(name: str, safe: bool) -> None:
    make, shape = LAYERS[name]
    adapted, x = model(make(), fixed_gates=[0.3, 1.2]), torch.randn(shape, dtype=torch.float64)
    layer = adapted.base_model.model[0]
    weight, before = layer.weight.detach().clone(), adapted(x).detach()
    adapted.merge_adapter(safe_merge=safe)
    assert not torch.allclose(layer.weight, weight)
    torch.testing.assert_close(adapted(x), before, atol=1e-12, rtol=1e-12)
    adapted.unmerge_adapter()
    torch.testing.assert_close(layer.weight.detach(), weight, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(adapted(x), before, atol=1e-12, rtol=1e-12)
    merged = adapted.merge_and_unload(safe_merge=safe)
    assert type(merged[0]) is type(make())
    torch.testing.assert_close(merged(x), before, atol=1e-12, rtol=1e-12)


def test_a_fixed_gate_stands_for_its_expert() -> None:
    adapted = model(nn.Linear(4, 5), fixed_gates=[0.0, 3.0], alpha=8.0)
    layer = adapted.base_model.model[0]
    a, b = layer.molre_A["default"].weight, layer.molre_B["default"].weight
    expected = 8 / 2 * 3 * b[:, 2:] @ a[2:]
    torch.testing.assert_close(layer.get_delta_weight("default"), expected)
    assert not any("router" in name for name in adapted.state_dict())


def states_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("way", ["merge_adapter", "merge_and_unload"])
def test_a_routed_adapter_is_refused_and_no_weight_changes(way: str) -> None:
    adapted = model(nn.Linear(4, 5))
    before = copied(adapted)
    with pytest.raises(ValueError, match=r"^adapter 'default' routes .* cannot be merged"):
        getattr(adapted, way)()
    assert states_equal(before, adapted.state_dict())
    adapted(torch.randn(2, 4, dtype=torch.float64))  # and it still runs


@pytest.mark.parametrize("level", ["model", "layer"])
def test_one_routed_among_fixed_adapters_is_refused_before_any_is_merged(level: str) -> None:
    adapted = model(nn.Linear(4, 5), fixed_gates=[1.0, 1.0])
    adapted.add_adapter("routed", MoLREConfig(**{**OPTIONS, "target_modules": ["0"]}))
    before = copied(adapted)
    names = ["default", "routed"]
    merge = adapted.merge_adapter if level == "model" else adapted.base_model.model[0].merge
    with pytest.raises(ValueError, match="'routed' routes"):
        merge(adapter_names=names)
    assert states_equal(before, adapted.state_dict())
    assert adapted.base_model.model[0].merged_adapters == []


def test_two_fixed_adapters_merge_together() -> None:
    adapted, x = model(nn.Linear(4, 5), fixed_gates=[1.0, 2.0]), torch.randn(2, 4).double()
    second = MoLREConfig(
        **{**OPTIONS, "target_modules": ["0"]}, fixed_gates=[0.5, 0.1], init_weights=False
    )
    adapted.add_adapter("second", second)
    adapted.base_model.set_adapter(["default", "second"])
    before = adapted(x).detach()
    adapted.merge_adapter(["default", "second"])
    torch.testing.assert_close(adapted(x), before, atol=1e-12, rtol=1e-12)
    adapted.unmerge_adapter()
    torch.testing.assert_close(adapted(x), before, atol=1e-12, rtol=1e-12)


def test_safe_merge_refuses_what_is_not_finite() -> None:
    adapted = model(nn.Linear(4, 5), fixed_gates=[1.0, 1.0])
    layer = adapted.base_model.model[0]
    with torch.no_grad():
        layer.molre_B["default"].weight[0, 0] = torch.nan
    weight = layer.weight.clone()
    with pytest.raises(ValueError, match="holds NaN or infinite weights"):
        adapted.merge_adapter(safe_merge=True)
    assert torch.equal(layer.weight, weight)


def test_a_grouped_convolution_adapts_but_does_not_merge() -> None:
    adapted = model(nn.Conv2d(4, 6, 3, groups=2), fixed_gates=[1.0, 1.0])
    assert adapted(torch.randn(2, 4, 5, 5, dtype=torch.float64)).shape == (2, 6, 3, 3)
    with pytest.raises(ValueError, match="is a grouped convolution: it cannot be merged"):
        adapted.merge_adapter()


def test_disabling_takes_a_merged_adapter_out_again() -> None:
    adapted, x = model(nn.Linear(4, 5), fixed_gates=[1.0, 1.0]), torch.randn(2, 4).double()
    with adapted.disable_adapter():
        base = adapted(x)
    adapted.merge_adapter()
    assert not torch.allclose(adapted(x), base)
    with adapted.disable_adapter():
        torch.testing.assert_close(adapted(x), base, atol=1e-12, rtol=1e-12)
