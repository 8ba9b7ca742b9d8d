"""Which layers are adapted; the families' own tests have those of each published network."""

from __future__ import annotations

import pytest
from timm import create_model
from torch import nn

from molre.arms.sites import attention_projections, last_blocks
from molre.errors import NotApplicable

SIZES = {"num_experts": 2, "r": 1, "router_hidden": 2}


@pytest.fixture(scope="module")
def vit() -> nn.Module:
    return create_model("test_vit")


def added(vit: nn.Module, budget: float) -> tuple[int, ...]:
    """Numbers of the blocks that are adapted."""
    sites = last_blocks(vit, budget, **SIZES)
    assert sites.blocks == len(sites.layers)
    assert sites.first_block == sites.layers[0].removesuffix(".attn.qkv")
    return tuple(int(name.split(".")[1]) for name in sites.layers)


def test_the_last_blocks_that_stay_under_the_budget_are_taken(vit: nn.Module) -> None:
    blocks = len(vit.blocks)
    every = [added(vit, budget) for budget in (0.002, 0.006, 1.0)]
    assert every == sorted(every, key=len)
    assert len(every[0]) < len(every[-1]) == blocks
    assert all(one == tuple(range(blocks - len(one), blocks)) for one in every)


def test_every_attention_projection_is_of_every_block(vit: nn.Module) -> None:
    got = attention_projections(vit)
    assert got.blocks == len(vit.blocks)
    assert {name.rsplit(".", 1)[-1] for name in got.layers} == {"qkv", "proj"}


def test_what_there_is_no_room_or_no_layer_for_is_not_applicable(vit: nn.Module) -> None:
    with pytest.raises(NotApplicable, match=r"^not applicable at placement blocks: budget"):
        last_blocks(vit, 1e-9, **SIZES)
    with pytest.raises(NotApplicable, match="no attention projections"):
        attention_projections(nn.Sequential(nn.Linear(2, 2)))
