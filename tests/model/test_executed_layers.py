"""At placement ``blocks`` every adapted layer was seen to run, whatever the arm."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from molre.adapter import MoLREConfig
from molre.arms.arms import ARMS
from molre.arms.sites import Sites
from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.errors import MolreError
from molre.model.adapted_backbone import AdaptedBackbone, adapt, modules_called
from molre.training.config import TrainConfig
from tests.helpers.adapter.models import small_timm

ADAPTERS = ["molre", "molre_shuffled", "lora", "lora_matched"]
SMALL = TrainConfig(placement="blocks", budget=0.9, num_experts=2, r=2, router_hidden=4)


def backbone(network: nn.Module) -> Backbone:
    return Backbone(
        "tiny",
        network,
        lambda net, pixels: Features(None, net(pixels)),
        dim=16,
        contract=Contract(size=16),
        weights=Weights(id="tiny", sha256="0"),
    )


def eva(**options: Any) -> nn.Module:
    return small_timm("eva02_tiny_patch14_224", scale_mlp=False, **options)


def vit() -> nn.Module:
    return small_timm("vit_tiny_patch16_224")


def endings(adapted: AdaptedBackbone) -> set[str]:
    return {name.rpartition(".")[2] for name in adapted.sites.layers}


@pytest.mark.parametrize("arm", ADAPTERS)
@pytest.mark.parametrize("swiglu", [False, True])
def test_attention_that_reads_its_weights_leaves_the_mlps(
    arm: str, swiglu: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    adapted = adapt(backbone(eva(swiglu_mlp=swiglu)), ARMS[arm], SMALL)
    assert endings(adapted) <= {"fc1", "fc2"}
    said = " ".join(capsys.readouterr().err.split())
    assert "EvaAttention (blocks.0.attn) reads qkv.weight directly and never calls qkv" in said
    pooled, gates = adapted(adapted.backbone, torch.randn(3, 3, 16, 16), torch.arange(3))
    assert pooled.shape == (3, 16)
    assert (gates is not None) == arm.startswith("molre")
    assert gates is None or gates.shape == (3, len(adapted.sites.layers), 2)


def test_every_attention_projection_is_not_applicable_there() -> None:
    with pytest.raises(MolreError, match=r"not applicable: EvaAttention .* never calls qkv"):
        adapt(backbone(eva()), ARMS["lora_all"], SMALL)


@pytest.mark.parametrize("arm", [*ADAPTERS, "lora_all"])
def test_attention_that_calls_its_layers_is_adapted_as_ever(arm: str) -> None:
    adapted = adapt(backbone(vit()), ARMS[arm], SMALL)
    assert endings(adapted) == ({"qkv", "proj"} if arm == "lora_all" else {"qkv"})


class Early(nn.Module):
    """Features are taken before the last block, which is never run."""

    def __init__(self) -> None:
        super().__init__()
        self.vit = small_timm("vit_tiny_patch16_224", depth=3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.vit.patch_embed(x).flatten(1, -2)
        for block in self.vit.blocks[:2]:
            x = block(x)
        return x.mean(1)


@pytest.mark.parametrize("arm", ["molre", "lora"])
def test_a_block_that_never_runs_is_left_out(arm: str) -> None:
    adapted = adapt(backbone(Early()), ARMS[arm], SMALL)
    assert adapted.sites.layers == ("vit.blocks.0.attn.qkv", "vit.blocks.1.attn.qkv")


class Shy(nn.Module):
    """It calls its layers only while they are plain."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.ModuleDict({"fc1": nn.Linear(16, 16)}) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)[:, :16]
        for block in self.blocks:
            layer = block["fc1"]
            x = layer(x) if type(layer) is nn.Linear else nn.functional.linear(x, layer.weight)
        return x


@pytest.mark.parametrize("arm", ["molre", "lora"])
def test_what_stops_running_once_adapted_is_refused(arm: str) -> None:
    assert "blocks.1" not in modules_called(backbone(Shy()))  # its layers are called, it is not
    with pytest.raises(MolreError, match=r"not applicable at placement blocks: blocks\.0\.fc1, "):
        adapt(backbone(Shy()), ARMS[arm], SMALL.model_copy(update={"budget": 9.0}))


def test_an_adapter_of_before_that_never_ran_is_no_model() -> None:
    network = eva()
    whole = backbone(network)
    model = get_peft_model(network, MoLREConfig(target_modules=["qkv"], r=2, num_experts=2))
    adapted = AdaptedBackbone(whole, model, Sites((), None, 0))
    with pytest.raises(MolreError, match=r"2 of 2 adapted layers of tiny are never called"):
        adapted(whole, torch.randn(1, 3, 16, 16), torch.zeros(1, dtype=torch.long))
    plain = vit()
    lora = get_peft_model(plain, LoraConfig(target_modules=["qkv"]))
    AdaptedBackbone(backbone(plain), lora, Sites((), None, 0))
