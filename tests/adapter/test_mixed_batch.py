"""A batch in which each item has its own adapter gives each item what it gets alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import get_peft_model
from torch import nn

from molre.adapter import MoLREConfig, gates, reading
from tests.helpers.adapter.models import CASES, Case, first_output
from tests.helpers.adapter.small import wake

NAMES = ["default", "other", "__base__"]
FAMILIES = ["hf_vit", "timm_vit", "timm_convnext", "mlp", "conv3d"]


def adapted(case: Case) -> Any:
    model = case.adapted()
    model.add_adapter("other", case.config(r=1, num_experts=2, fixed_gates=[0.3, 0.9]))
    model.add_adapter("third", case.config(r=3))
    return wake(model).eval()


@settings(max_examples=8)
@given(
    family=st.sampled_from(FAMILIES),
    names=st.lists(st.sampled_from([*NAMES, "third"]), min_size=1, max_size=5),
)
def test_each_item_gets_its_own_adapter(family: str, names: list[str]) -> None:
    case = CASES[family]
    model, x = adapted(case), case.batch(len(names))
    with torch.no_grad():
        mixed = first_output(model(x, adapter_names=names))
        for item, name in enumerate(names):
            if name == "__base__":
                with model.disable_adapter():
                    alone = first_output(model(x[item : item + 1]))
            else:
                model.set_adapter(name)
                alone = first_output(model(x[item : item + 1]))
            torch.testing.assert_close(mixed[item : item + 1], alone, atol=1e-5, rtol=1e-4)
        model.set_adapter("default")
        again = first_output(model(x))
        torch.testing.assert_close(
            again,
            first_output(model(x, adapter_names=["default"] * len(names))),
            atol=1e-6,
            rtol=1e-5,
        )


def test_padding_is_left_out_item_by_item() -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=40, intermediate_size=32, **sizes)
    options: dict[str, Any] = {"r": 2, "num_experts": 3, "router_dim": 4, "init_weights": False}
    model: Any = get_peft_model(transformers.BertModel(config), MoLREConfig(**options))
    model.add_adapter("other", MoLREConfig(gate_mode="cls", **options))
    wake(model).eval()
    tokens = torch.randint(3, 40, (2, 7))
    mask = torch.tensor([[1] * 7, [1] * 3 + [0] * 4])
    with torch.no_grad():
        call = {"input_ids": tokens, "attention_mask": mask}
        mixed = model(**call, adapter_names=["other", "default"]).last_hidden_state
        alone = model(tokens[1:, :3]).last_hidden_state
        torch.testing.assert_close(mixed[1:, :3], alone, atol=1e-5, rtol=1e-4)
        read = gates(model, **call, adapter_names=["other", "default"])
    assert all(g.shape == (1, 3) for g in read.values())
    assert {name.rpartition(":")[2] for name in read} == {"other", "default"}
    with pytest.raises(ValueError, match="contexts reads one adapter at a time"):
        reading.contexts(model, **call, adapter_names=["other", "default"])


def test_modules_that_are_saved_beside_follow() -> None:
    torch.manual_seed(0)
    base = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3))
    options = {"target_modules": ["0"], "modules_to_save": ["1"], "init_weights": False}
    model: Any = get_peft_model(base, MoLREConfig(**options))
    model.add_adapter("other", MoLREConfig(**options))
    wake(model).eval()
    head = model.base_model.model[1].modules_to_save["other"]
    head.weight.data.mul_(3)
    x = torch.randn(2, 4)
    with torch.no_grad():
        mixed = model(x, adapter_names=["default", "other"])
        model.set_adapter("other")
        torch.testing.assert_close(mixed[1:], model(x[1:]))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["default"], r"1 names, and .* got a batch of 2"),
        (["default", "gone"], r"asks for 'gone', and this model has default, other, third"),
        ("default", r"must be a list with one name per item, got 'default'"),
    ],
)
def test_what_names_no_adapter_for_each_item_is_refused(names: Any, said: str) -> None:
    model = adapted(CASES["mlp"])
    with pytest.raises(ValueError, match=said):
        model(CASES["mlp"].batch(2), adapter_names=names)
    layers = reading.layers(model).values()
    assert not any(layer._forward_pre_hooks for layer in layers)  # nothing stays behind


def test_training_and_merged_adapters_are_refused() -> None:
    model, x = adapted(CASES["mlp"]), CASES["mlp"].batch(2)
    with pytest.raises(ValueError, match="adapter_names is for inference"):
        model.train()(x, adapter_names=["default", "other"])
    model.eval().merge_adapter(["other"])
    with pytest.raises(ValueError, match="needs adapters that are not merged"):
        model(x, adapter_names=["default", "other"])


def test_names_that_the_model_inside_would_swallow_are_refused() -> None:
    model = adapted(CASES["hf_vit"])
    with pytest.raises(ValueError, match="call what it returns"):
        model.base_model.model(CASES["hf_vit"].batch(1), adapter_names=["default"])
