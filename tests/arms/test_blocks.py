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


@pytest.mark.parametrize("experts", [{"num_experts": 3, "r": 4}, {"num_experts": 2, "r": 16}])
@pytest.mark.parametrize("arm", ["lora", "lora_all"])
def test_a_plain_lora_is_of_rank_8_or_of_an_expert_s(arm: str, experts: dict[str, int]) -> None:
    settings = TrainConfig(placement="blocks", **experts)
    config = get_peft_config(ARMS[arm].blocks.peft(settings))
    rank = max(8, experts["r"])
    assert (config.r, config.lora_alpha) == (rank, rank)


@pytest.mark.parametrize("alpha", [None, 4])
def test_even_gates_are_the_lora_of_equal_rank(alpha: float | None) -> None:
    settings = TrainConfig(placement="blocks", num_experts=3, r=4, alpha=alpha)
    lora = get_peft_config(ARMS["lora_matched"].blocks.peft(settings))
    molre = get_peft_config(ARMS["molre"].blocks.peft(settings))
    assert lora.r == 12
    assert lora.lora_alpha / lora.r == pytest.approx(molre.scaling / molre.num_experts)


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
