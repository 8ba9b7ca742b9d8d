"""Tiny models of every family that MoLRE promises to adapt, with random weights.

Each has an input that it takes and the number of modules that the default or named targets match.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import timm
import torch
import transformers
from peft import get_peft_model
from torch import Tensor, nn

from molre.adapter import MoLREConfig, MoLRELayer
from tests.helpers.adapter.small import Mlp, wake

HF: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 8,
}


@dataclass(frozen=True)
class Case:
    """One row of the matrix.

    Attributes:
        make: a new model; its weights follow torch's generator.
        shape: of an input, batch first.
        wrapped: how many modules become MoLRE layers.
        options: of MoLREConfig.
    """

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    wrapped: int
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def model(self) -> nn.Module:
        return copy.deepcopy(_made(self))

    def config(self, **options: Any) -> MoLREConfig:
        """Experts that differ from the start, so that an adapter has something to say."""
        sizes = {"r": 2, "num_experts": 3, "router_dim": 4, "init_weights": False}
        return MoLREConfig(**{**sizes, **self.options, **options})

    def adapted(self, **options: Any) -> Any:
        model = self.model()
        adapted = get_peft_model(model, self.config(**options))
        return wake(adapted).eval()

    def batch(self, size: int = 2) -> Tensor:
        return torch.randn(size, *self.shape, generator=torch.Generator().manual_seed(1))


@functools.cache
def _made(case: Case) -> nn.Module:
    torch.manual_seed(0)
    return case.make().eval()


def wrapped(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, MoLRELayer)]


def small_timm(name: str, **options: Any) -> nn.Module:
    sizes = {"img_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
    return timm.create_model(name, **{**sizes, "num_classes": 0, **options})


class Volume(nn.Module):
    """A convolutional network over volumes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 6, 3, stride=2, padding=1)
        self.point = nn.Conv3d(6, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.point(self.conv(x).relu()).mean((2, 3, 4))


def dinov2() -> nn.Module:
    return transformers.Dinov2Model(transformers.Dinov2Config(**HF))


def dinov3() -> nn.Module:
    config = transformers.DINOv3ViTConfig(
        intermediate_size=32,
        num_register_tokens=1,
        pos_embed_rescale=None,  # a random jitter in training
        **HF,
    )
    return transformers.DINOv3ViTModel(config)


def siglip() -> nn.Module:
    config = transformers.SiglipVisionConfig(intermediate_size=32, **HF)
    return transformers.SiglipVisionModel(config)


def hf_vit() -> nn.Module:
    return transformers.ViTModel(transformers.ViTConfig(intermediate_size=32, **HF))


def davit() -> nn.Module:
    return timm.create_model(
        "davit_tiny", depths=(1, 1), embed_dims=(8, 16), num_heads=(1, 2), num_classes=0
    )


def convnext() -> nn.Module:
    sizes = {"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 8), "conv_mlp": False}
    # the usual layer scale of 1e-6 would hide what an adapter does
    return timm.create_model("convnext_atto", **sizes, ls_init_value=1.0, num_classes=0)


def monai_vit() -> nn.Module:
    from monai.networks.nets import ViT  # slow to import, with pandas and matplotlib

    return ViT(1, (8, 8, 8), (4, 4, 4), hidden_size=16, mlp_dim=16, num_layers=2, num_heads=2)


def first_output(output: Any) -> Tensor:
    """The one tensor that stands for a model's output."""
    if hasattr(output, "last_hidden_state"):
        return output.last_hidden_state
    return output[0] if isinstance(output, tuple) else output


CASES = {
    "hf_dinov2": Case(dinov2, (3, 16, 16), 4),
    "hf_dinov3": Case(dinov3, (3, 16, 16), 4),
    "hf_siglip": Case(siglip, (3, 16, 16), 4),
    "hf_vit": Case(hf_vit, (3, 16, 16), 4, {"gate_mode": "cls"}),
    "timm_vit": Case(lambda: small_timm("vit_tiny_patch16_224"), (3, 16, 16), 2),
    "timm_davit": Case(davit, (3, 32, 32), 8, {"target_modules": ["fc1", "fc2"]}),
    "timm_convnext": Case(convnext, (3, 32, 32), 8, {"target_modules": ["fc1", "fc2"]}),
    "monai_vit": Case(monai_vit, (1, 8, 8, 8), 2),
    "mlp": Case(Mlp, (8,), 2, {"target_modules": ["first", "second"], "gate_mode": "token"}),
    "conv3d": Case(Volume, (1, 6, 6, 6), 2, {"target_modules": ["conv", "point"]}),
}

ROWS = [pytest.param(CASES[n], id=n) for n in CASES]
