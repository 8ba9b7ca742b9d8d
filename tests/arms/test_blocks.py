"""What arms add inside a backbone."""

from __future__ import annotations

import pytest
import torch
from peft import get_peft_config
from torch import nn

from molre.adapter.config import MoLREConfig
from molre.arms.arms import ARMS
from molre.arms.blocks import FULL_LIMIT
from molre.errors import NotApplicable
from molre.training.config import TrainConfig

SETTINGS = TrainConfig(placement="blocks", num_experts=3, r=4, router_hidden=5)


@pytest.mark.parametrize(("arm", "rank"), [("lora", 4), ("lora_all", 4), ("lora_matched", 12)])
def test_loras_are_of_one_expert_s_rank_or_of_all(arm: str, rank: int) -> None:
    config = get_peft_config(ARMS[arm].blocks.peft(SETTINGS))
    assert (config.r, config.lora_alpha) == (rank, 4)


@pytest.mark.parametrize("arm", ["molre", "molre_random_router", "molre_shuffled"])
def test_only_the_random_router_is_not_trained(arm: str) -> None:
    config = get_peft_config(ARMS[arm].blocks.peft(SETTINGS))
    assert isinstance(config, MoLREConfig)
    assert (config.num_experts, config.r, config.router_dim) == (3, 4, 5)
    assert config.train_router == (arm != "molre_random_router")


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_a_whole_backbone_is_trained_up_to_a_size(more: int, fits: bool) -> None:
    with torch.device("meta"):
        network = nn.ParameterList([nn.Parameter(torch.empty(FULL_LIMIT + more))])
    if fits:
        assert ARMS["full"].sites(network, SETTINGS).layers == ()
        return
    with pytest.raises(NotApplicable, match="full trains all of its 50 M parameters"):
        ARMS["full"].sites(network, SETTINGS)
