"""The budget takes the most last blocks that fit, counted in parameters that are really added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from peft import PeftModel, get_peft_model
from torch import nn

from molre.adapter import MoLREConfig
from tests.helpers.adapter.models import HF, convnext, dinov2, small_timm, wrapped

SIZES: dict[str, Any] = {"r": 2, "num_experts": 2, "router_dim": 4}


def added(model: nn.Module) -> int:
    return sum(p.numel() for n, p in model.named_parameters() if "molre_" in n)


def total(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def deep_timm() -> nn.Module:
    return small_timm("vit_tiny_patch16_224", depth=5)


def deep_hf() -> nn.Module:
    import transformers

    return transformers.Dinov2Model(transformers.Dinov2Config(**{**HF, "num_hidden_layers": 5}))


LAYOUTS: dict[str, tuple[Callable[[], nn.Module], list[str], str]] = {
    "timm": (deep_timm, ["qkv"], "blocks.{}."),
    "hf": (deep_hf, ["q_proj", "v_proj"], "encoder.layer.{}."),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("blocks", [1, 2, 4, 5])
def test_the_largest_number_of_last_blocks_that_fits(layout: str, blocks: int) -> None:
    make, targets, path = LAYOUTS[layout]
    everywhere = get_peft_model(make(), MoLREConfig(target_modules=targets, **SIZES))
    per_block, base = added(everywhere) // 5, total(make())
    for share, expected in (
        (per_block * blocks / base, blocks),  # exactly
        ((per_block * blocks - 1) / base, blocks - 1),  # one parameter short
    ):
        if not expected:
            continue
        config = MoLREConfig(target_modules=targets, budget=share * (1 + 1e-12), **SIZES)
        model: Any = get_peft_model(make(), config)
        placement = model.base_model.placements["default"]
        assert placement.blocks == expected
        assert placement.added == added(model) == per_block * expected
        assert placement.share == added(model) / base <= share * (1 + 1e-9)
        last = tuple(path.format(i) for i in range(5 - expected, 5))
        names = [n.removeprefix("base_model.model.") for n in wrapped(model)]
        assert names == list(placement.targets)
        assert all(name.startswith(last) for name in names)
        assert len(names) == expected * len(targets)


KINDS: dict[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    "linear": (deep_timm, {"target_modules": ["qkv", "proj", "fc1"]}),
    "convolution": (convnext, {"target_modules": ["conv_dw", "fc1"]}),
    "fixed": (deep_timm, {"target_modules": ["qkv"], "fixed_gates": [0.5, 0.5]}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_share_is_counted_as_the_model_counts(kind: str) -> None:
    make, options = KINDS[kind]
    model: Any = get_peft_model(make(), MoLREConfig(budget=100.0, **options, **SIZES))
    placement = model.base_model.placements["default"]
    assert placement.added == added(model)
    assert placement.share == added(model) / total(make())


def test_nested_stages_are_counted_by_their_inner_blocks() -> None:
    config = MoLREConfig(target_modules=["fc1", "fc2"], budget=100.0, **SIZES)
    model: Any = get_peft_model(convnext(), config)
    whole = model.base_model.placements["default"]
    assert whole.blocks == 4  # four stages of one block each
    one = MoLREConfig(target_modules=["fc1", "fc2"], budget=whole.share / 4, **SIZES)
    model = get_peft_model(convnext(), one)
    assert model.base_model.placements["default"].targets == (
        "stages.3.blocks.0.mlp.fc1",
        "stages.3.blocks.0.mlp.fc2",
    )


def test_two_blocks_of_a_vit_b_fit_half_a_percent() -> None:
    import timm
    import torch

    with torch.device("meta"):
        vit_b = timm.create_model("vit_base_patch16_224", num_classes=0)
        model: Any = get_peft_model(vit_b, MoLREConfig(budget=0.005), low_cpu_mem_usage=True)
    placement = model.base_model.placements["default"]
    assert placement.targets == ("blocks.10.attn.qkv", "blocks.11.attn.qkv")
    assert placement.share < 0.005


def test_not_even_one_block_is_refused_with_the_numbers() -> None:
    base, last = total(dinov2()), get_peft_model(dinov2(), MoLREConfig(**SIZES))
    block = added(last) // 2
    with pytest.raises(ValueError, match=rf"of {base:,} parameters is {int(base * 0.001)},") as no:
        get_peft_model(dinov2(), MoLREConfig(budget=0.001, **SIZES))
    assert f"encoder.layer.1) needs {block:,} ({block / base:.2%})" in str(no.value)


def test_a_model_without_blocks_is_refused() -> None:
    plain = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    config = MoLREConfig(target_modules=["0"], budget=1.0)
    with pytest.raises(ValueError, match="no target module is in a list of blocks"):
        get_peft_model(plain, config)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_adapter_gets_what_it_would_get_alone(kind: str) -> None:
    make, options = KINDS[kind]
    first = MoLREConfig(budget=100.0, **options, **SIZES)
    model: Any = get_peft_model(make(), first)
    model.add_adapter("second", MoLREConfig(budget=100.0, **options, **SIZES))
    placements = model.base_model.placements
    assert placements["second"] == placements["default"]


def test_a_saved_placement_is_loaded_as_it_was(tmp_path: Any) -> None:
    options = {"target_modules": ["qkv"], "budget": 0.05, **SIZES}
    model: Any = get_peft_model(deep_timm(), MoLREConfig(**options))
    assert 0 < len(wrapped(model)) < 5
    model.save_pretrained(tmp_path)
    again: Any = PeftModel.from_pretrained(deep_timm(), tmp_path)
    assert wrapped(again) == wrapped(model)
    assert again.base_model.placements == model.base_model.placements
