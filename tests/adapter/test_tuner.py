"""Which modules are wrapped when nothing is said, and what is said when none matches."""

from __future__ import annotations

from typing import Any

import pytest
from peft import PeftModel, get_peft_model
from torch import nn
from transformers.pytorch_utils import Conv1D

from molre.adapter import MoLREConfig, MoLRELayer
from molre.adapter.layer import Convolution, Linear
from tests.helpers.adapter.models import CASES, ROWS, Case, convnext, small_timm, wrapped
from tests.helpers.adapter.small import Mlp

SIZES: dict[str, Any] = {"r": 2, "num_experts": 2, "router_dim": 4}
DEFAULTS = {
    "hf_dinov2": ("q_proj", "v_proj"),
    "hf_dinov3": ("q_proj", "v_proj"),
    "hf_siglip": ("q_proj", "v_proj"),
    "hf_vit": ("q_proj", "v_proj"),
    "timm_vit": ("qkv",),
    "monai_vit": ("qkv",),
}


@pytest.mark.parametrize("case", [row for row in ROWS if row.id in DEFAULTS])
def test_query_and_value_of_every_block_by_default(case: Case) -> None:
    name = next(n for n, c in CASES.items() if c is case)
    model: Any = get_peft_model(case.model(), MoLREConfig(**SIZES))
    found = wrapped(model)
    assert len(found) == 2 * len(DEFAULTS[name])
    assert {n.rsplit(".", 1)[-1] for n in found} == set(DEFAULTS[name])
    assert model.peft_config["default"].target_modules == set(DEFAULTS[name])


def named(model: nn.Module, **options: Any) -> list[str]:
    adapted = get_peft_model(model, MoLREConfig(**options, **SIZES))
    return [name.removeprefix("base_model.model.") for name in wrapped(adapted)]


def test_siglips_pooling_head_is_left_alone_by_default() -> None:
    names = named(CASES["hf_siglip"].model())
    assert all("encoder.layers" in name for name in names)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"target_modules": "first"}, None),
        ({"target_modules": ["first"]}, ["first"]),
        ({"target_modules": r"(first|second)"}, ["first", "second"]),
        ({"target_modules": ["first", "second"], "exclude_modules": ["second"]}, ["first"]),
    ],
)
def test_names_expressions_and_exclusions(options: dict, expected: list[str] | None) -> None:
    assert named(Mlp(), **options) == (expected or ["first"])


def test_all_linear_takes_every_linear_layer() -> None:
    assert named(Mlp(), target_modules="all-linear") == ["first", "second"]


@pytest.mark.parametrize("pattern", [None, "blocks"])
def test_layers_to_transform(pattern: str | None) -> None:
    options = {"target_modules": ["qkv"], "layers_to_transform": [1], "layers_pattern": pattern}
    assert named(small_timm("vit_tiny_patch16_224"), **options) == ["blocks.1.attn.qkv"]


def test_blocks_that_are_not_there_are_named() -> None:
    options = {"target_modules": ["qkv"], "layers_to_transform": [9]}
    with pytest.raises(ValueError, match=r"no module in the blocks \[9\]: check layers_to_trans"):
        named(small_timm("vit_tiny_patch16_224"), **options)


def test_convolutions_and_linears_get_their_kind_of_layer() -> None:
    model = get_peft_model(convnext(), MoLREConfig(target_modules=["conv_dw", "fc1"], **SIZES))
    kinds = {n.rsplit(".", 1)[-1]: type(model.get_submodule(n)) for n in wrapped(model)}
    assert kinds == {"conv_dw": Convolution, "fc1": Linear}
    assert len(wrapped(model)) == 8
    one = get_peft_model(nn.ModuleDict({"c": Conv1D(3, 4)}), MoLREConfig(target_modules=["c"]))
    layer = one.get_submodule(wrapped(one)[0])
    assert isinstance(layer, MoLRELayer)
    assert (layer.in_features, layer.out_features) == (4, 3)


def test_no_match_lists_near_names() -> None:
    with pytest.raises(ValueError, match="matches no module") as refused:
        named(small_timm("vit_tiny_patch16_224"), target_modules=["kqv"])
    assert str(refused.value) == (
        "target_modules=['kqv'] matches no module of this model. Similar names: qkv."
    )


def test_no_match_and_nothing_near_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"Layer names end in first, second\.$"):
        named(Mlp(), target_modules=["zzz"])


def test_an_expression_that_matches_nothing_is_quoted() -> None:
    with pytest.raises(
        ValueError, match=r"target_modules='.\*qvk' matches no module .* whole name"
    ):
        named(small_timm("vit_tiny_patch16_224"), target_modules=".*qvk")


def test_no_default_targets_lists_what_can_be_adapted() -> None:
    with pytest.raises(
        ValueError, match=r"give target_modules\. Its layer names end in first, second"
    ):
        named(Mlp())


def test_a_layer_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="not LayerNorm: leave it out of target_modules"):
        named(small_timm("vit_tiny_patch16_224"), target_modules=["norm1"])


def test_modules_to_save_train_beside_the_adapter(tmp_path: Any) -> None:
    config = MoLREConfig(target_modules=["first"], modules_to_save=["second"], **SIZES)
    model: Any = get_peft_model(Mlp(), config)
    trains = {n for n, p in model.named_parameters() if p.requires_grad}
    assert any("second.modules_to_save.default" in n for n in trains)
    assert all("molre_" in n or "modules_to_save" in n for n in trains)
    model.base_model.model.second.modules_to_save["default"].weight.data.fill_(3)
    model.save_pretrained(tmp_path)
    again: Any = PeftModel.from_pretrained(Mlp(), tmp_path)
    assert (again.base_model.model.second.modules_to_save["default"].weight == 3).all()


def test_the_method_is_a_member_of_pefts_list() -> None:
    from peft import PeftType
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    assert PeftType("MOLRE") is PeftType.MOLRE is MoLREConfig().peft_type
    assert isinstance(PeftType.MOLRE, PeftType)
    assert PeftType.MOLRE in list(PeftType)
    assert PEFT_TYPE_TO_CONFIG_MAPPING["MOLRE"] is MoLREConfig
