"""Small checkpoints: a preset at another width, every number of its network random."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import presets
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import load_preset


def narrow(name: str, network: nn.Module) -> Preset:
    """The preset of a network of its architecture that is smaller, without pins."""
    parameters = sum(p.numel() for p in network.parameters())
    return replace(presets()[name], parameters=parameters, sha256={}, revision=None)


def read(name: str, network: nn.Module, folder: Path, **options) -> Backbone:
    return load_preset(narrow(name, network), folder, unverified=True, **options)


def shaken(network: nn.Module) -> nn.Module:
    """Every parameter moved from its start, so that no two are alike and none is zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


def save(state: dict[str, torch.Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, path)


def drop(path: Path, part: str) -> str:
    """Take the first tensor with this part in its name out of a checkpoint; its name."""
    state = load_file(path)
    gone = next(name for name in sorted(state) if part in name)
    del state[gone]
    save_file(state, path)
    return gone


def add(path: Path, name: str) -> None:
    save_file({**load_file(path), name: torch.zeros(3)}, path)


def pixels(backbone: Backbone, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, *backbone.contract.pixel_shape, generator=generator)


def embed(backbone: Backbone, images: torch.Tensor):
    with torch.inference_mode():
        return backbone(images)
