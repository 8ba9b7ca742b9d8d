"""What a configuration refuses, in one sentence each, and that it survives its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from peft import PeftConfig

from molre.adapter import MoLREConfig

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "r": ({"r": 0}, "r must be a whole number of at least 1, got 0."),
    "half_r": ({"r": 2.5}, "r must be a whole number of at least 1, got 2.5."),
    "experts": ({"num_experts": 0}, "num_experts must be a whole number of at least 1, got 0."),
    "router": ({"router_dim": -1}, "router_dim must be a whole number of at least 1, got -1."),
    "dropout": ({"dropout": 1.0}, "dropout must be in [0, 1), got 1.0."),
    "negative_dropout": ({"dropout": -0.1}, "dropout must be in [0, 1), got -0.1."),
    "budget": ({"budget": 0}, "budget is a share of the parameters above 0, got 0."),
    "alpha": ({"alpha": 0}, "alpha must be a number above 0, got 0."),
    "nan_alpha": ({"alpha": float("nan")}, "alpha must be a number above 0, got nan."),
    "mode": (
        {"gate_mode": "patch"},
        "gate_mode must be one of mean, cls, token, got 'patch'.",
    ),
    "gates": (
        {"fixed_gates": [1.0]},
        "fixed_gates needs one number for each of the 6 experts, got 1.",
    ),
    "nan_gates": (
        {"fixed_gates": [float("nan")] * 6},
        "fixed_gates must be finite numbers, got nan.",
    ),
    "pattern": (
        {"layers_pattern": "blocks"},
        "layers_pattern needs layers_to_transform: name the blocks to adapt.",
    ),
    "expression": (
        {"target_modules": r".*\.qkv", "layers_to_transform": [1]},
        "layers_to_transform does not apply to a regular expression: list the target_modules, or "
        "write the block numbers into the expression.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_are_refused_in_one_sentence(name: str) -> None:
    options, sentence = BAD[name]
    with pytest.raises(ValueError, match=".") as refused:
        MoLREConfig(**options)
    assert str(refused.value) == sentence


def test_the_papers_sizes_are_the_defaults() -> None:
    config = MoLREConfig()
    assert (config.num_experts, config.r, config.scaling) == (6, 8, 1.0)
    assert (config.gate_mode, config.router_dim) == ("mean", 32)


@pytest.mark.parametrize(
    ("options", "scaling"),
    [({"alpha": 16}, 2.0), ({"alpha": 4.0}, 0.5), ({"use_rslora": True, "r": 4}, 2.0)],
)
def test_scaling(options: dict[str, Any], scaling: float) -> None:
    assert MoLREConfig(**options).scaling == scaling


def test_every_option_survives_its_file(tmp_path: Path) -> None:
    config = MoLREConfig(
        r=3,
        num_experts=2,
        alpha=7.5,
        use_rslora=True,
        router_dim=5,
        gate_mode="token",
        dropout=0.25,
        target_modules=["q_proj", "v_proj"],
        exclude_modules=["head"],
        layers_to_transform=[1, 2],
        layers_pattern="layers",
        modules_to_save=["classifier"],
        budget=0.01,
        train_router=False,
        fixed_gates=[0.5, 0.5],
        init_weights=False,
    )
    config.save_pretrained(tmp_path)
    for again in (MoLREConfig.from_pretrained(tmp_path), PeftConfig.from_pretrained(tmp_path)):
        assert type(again) is MoLREConfig
        ours, theirs = config.to_dict(), again.to_dict()
        theirs.pop("inference_mode"), ours.pop("inference_mode")
        assert {k: v for k, v in ours.items() if theirs[k] != v} == {}
        assert ours.keys() == theirs.keys()


def test_a_whole_name_or_expression_stays_a_string(tmp_path: Path) -> None:
    MoLREConfig(target_modules="all-linear").save_pretrained(tmp_path)
    assert MoLREConfig.from_pretrained(tmp_path).target_modules == "all-linear"
