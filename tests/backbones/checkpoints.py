"""Tiny checkpoints in each family's own layout, written from configurations alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "patch_size": 16,
    "image_size": 64,
}
TEXT = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 50,
}


def vit() -> Any:
    return transformers.ViTModel(transformers.ViTConfig(**SMALL))


def vit_without_pooler() -> Any:
    return transformers.ViTModel(transformers.ViTConfig(**SMALL), add_pooling_layer=False)


def dinov2() -> Any:
    return transformers.Dinov2Model(transformers.Dinov2Config(**SMALL))


def dinov2_with_registers() -> Any:
    config = transformers.Dinov2WithRegistersConfig(**SMALL)
    return transformers.Dinov2WithRegistersModel(config)


def dinov3() -> Any:
    return transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**SMALL))


def siglip_two_towers() -> Any:
    return transformers.SiglipModel(
        transformers.SiglipConfig(text_config=TEXT, vision_config=SMALL)
    )


def siglip_vision_only() -> Any:
    return transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**SMALL))


def clip_two_towers() -> Any:
    return transformers.CLIPModel(transformers.CLIPConfig(text_config=TEXT, vision_config=SMALL))


def convnext() -> Any:
    config = transformers.ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1])
    return transformers.ConvNextModel(config)


def swin() -> Any:
    config = transformers.SwinConfig(
        embed_dim=8, depths=[1, 1], num_heads=[2, 2], image_size=64, window_size=4
    )
    return transformers.SwinModel(config)


def bert() -> Any:
    config = transformers.BertConfig(**TEXT)
    return transformers.BertModel(config)


def save(model: Any, folder: Path) -> Any:
    """Write a model with every number random (many start as 0 or 1), and return it."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.eval().save_pretrained(folder)
    return model
