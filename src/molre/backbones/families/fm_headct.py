"""FM-HeadCT: a 3D ViT-B pretrained on 361,663 head CT (Zhu et al., arXiv 2502.02779).

The published network is a plain ViT with fixed sine and cosine positions, which MONAI's ``ViT`` is
as well, under other names; its code, whose license allows no derivatives, is not used. Whether
query, key and value have a bias and whether there are register tokens differs between published
configurations, so the checkpoint decides.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import pedigree
from molre.backbones.volume_contract import VolumeContract
from molre.backbones.volume_weights import blocks_in, check_volumes, fill, needed
from molre.backbones.weight_files import read_tensors, safetensors_in

NAME = "fm_headct"
HEAD = 64  # width of an attention head
NAMES = ((".attn.proj.", ".attn.out_proj."), (".att_norm.", ".norm1."), (".ffn_norm.", ".norm2."))
CONTRACT = VolumeContract(
    shape=(96, 96, 96),
    orientation="RAS",
    spacing=(1.0, 1.0, 1.0),
    order=3,
    average=False,
    foreground=0.0,
    resize=(96, 96, 96),
    resampling=("area", "area", "area"),
    windows=((40, 80), (80, 200), (600, 2800)),
)


def read(preset: Preset, folder: Path | None, contract: VolumeContract) -> Backbone:
    """The ViT of a checkpoint; the embedding is the class token after the last norm.

    Raises:
        MolreError: tensors missing, left over or of another shape; volumes that do not fit.
    """
    assert folder is not None
    paths = safetensors_in(folder)
    state = read_tensors(paths, _renamed)
    patch = needed(state, "patch_embedding.patch_embeddings.weight", folder, preset.name)
    width, channels, *edges = patch.shape
    first, second, third = edges
    check_volumes(preset, contract, channels, (first, second, third))
    network = build(
        contract.shape,
        patch=(first, second, third),
        channels=channels,
        width=width,
        depth=blocks_in(state),
        hidden=len(needed(state, "blocks.0.mlp.linear1.weight", folder, preset.name)),
        bias="blocks.0.attn.qkv.bias" in state,
        registers=state["register_tokens"].shape[1] if "register_tokens" in state else 0,
    )
    fill(network, state, folder, preset.name)
    return Backbone(preset.name, network, features, width, contract, pedigree(preset, paths))


def _renamed(name: str) -> str | None:
    for prefix in ("module.", "backbone."):
        name = name.removeprefix(prefix)
    for old, new in NAMES:
        name = name.replace(old, new)
    ours = ("patch_embedding.", "blocks.", "norm.", "cls_token", "register_tokens")
    return name if name.startswith(ours) else None  # heads of the pretraining are left out


def build(
    shape: tuple[int, int, int] = CONTRACT.shape,
    *,
    patch: tuple[int, int, int] = (12, 12, 12),
    channels: int = 3,
    width: int = 768,
    depth: int = 12,
    hidden: int = 3072,
    bias: bool = True,
    registers: int = 0,
) -> nn.Module:
    """MONAI's ViT with a class token, without the norms that it has for cross attention only."""
    from monai.networks.nets import ViT

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of torch, about how MONAI makes a grid
        network: Any = ViT(
            in_channels=channels,
            img_size=shape,
            patch_size=patch,
            hidden_size=width,
            mlp_dim=hidden,
            num_layers=depth,
            num_heads=max(1, width // HEAD),
            pos_embed_type="sincos",
            qkv_bias=bias,
        )
    for block in network.blocks:
        block.norm_cross_attn = nn.Identity()
    network.norm.eps = 1e-6
    network.cls_token = nn.Parameter(torch.zeros(1, 1, width))
    if registers:
        network.register_tokens = nn.Parameter(torch.zeros(1, registers, width))
    return network


def features(network: Any, pixels: Tensor) -> Features:
    """Patch tokens without class and register tokens, and the class token."""
    x = network.patch_embedding(pixels)
    prefix = [network.cls_token]
    if hasattr(network, "register_tokens"):
        prefix.append(network.register_tokens)
    first = torch.cat(prefix, dim=1)
    x = torch.cat([first.expand(len(x), -1, -1), x], dim=1)
    for block in network.blocks:
        x = block(x)
    x = network.norm(x)
    patch = network.patch_embedding.patch_embeddings.kernel_size
    grid = tuple(edge // p for edge, p in zip(pixels.shape[2:], patch, strict=True))
    return Features(x[:, first.shape[1] :], x[:, 0], grid)


PRESETS = {
    NAME: Preset(
        name=NAME,
        slot="3D head CT",
        kind="3d",
        parameters=89_432_064,
        dim=768,
        input="3 x 96 x 96 x 96, 1 mm",
        hub_id=None,
        license="by agreement with the publisher",
        derivatives="as agreed",
        pretraining="361,663 head CT of NYU Langone",
        contract=CONTRACT,
        contract_source="the publisher's code and configuration files",
        skeleton=build,
        read=read,
        files=("*.safetensors",),
        gate="https://github.com/NYUMedML/headCT_foundation",
    )
}
