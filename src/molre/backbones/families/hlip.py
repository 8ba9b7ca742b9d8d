"""HLIP: a 3D ViT-B trained with reports on head CT (Zhao et al., arXiv 2505.21862).

A study is several scans there, and attention alternates between one scan and the whole study; of
one scan the two are the same, and what is left is a plain ViT over 3D patches, timm's
``VisionTransformer``. Positions are fixed: of a patch in its scan (``spatial_posemb``) and of the
scan in its study (``sequential_posemb``, of which one scan takes the first). Checkpoints differ in
the depth of a patch, in register tokens and in pooling (the class token, or it and the mean of the
patches side by side), so the checkpoint decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from molre.backbones.backbone import Backbone, Features
from molre.backbones.contract import IMAGENET_MEAN, IMAGENET_STD
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import pedigree
from molre.backbones.volume_contract import VolumeContract
from molre.backbones.volume_weights import blocks_in, check_volumes, fill, needed
from molre.backbones.weight_files import read_tensors, safetensors_in

NAME = "hlip_headct"
HEAD = 64  # width of an attention head
PREFIX = "visual."
CONTRACT = VolumeContract(
    shape=(48, 224, 224),
    square=True,
    resize=(48, 256, 256),
    resampling=("nearest", "linear", "linear"),
    windows=((40, 80),),
    mean=(sum(IMAGENET_MEAN) / 3,),
    std=(sum(IMAGENET_STD) / 3,),
)


class Norm(nn.LayerNorm):
    """Layer norm with the constant that ViTs take.

    Args:
        width: of a token.
        options: of torch's layer norm.
    """

    def __init__(self, width: int, **options: Any):
        super().__init__(width, eps=1e-6, **options)


class PatchEmbed3d(nn.Module):
    """Patches of a volume as tokens, with their positions added.

    Args:
        shape: (D, H, W) of the volumes.
        patch: (D, H, W) of a patch.
        channels: of a volume.
        width: of a token.
        scans: positions of scans in a study; 0 for none.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        patch: tuple[int, int, int],
        channels: int,
        width: int,
        scans: int,
    ):
        super().__init__()
        depth, height, across = (edge // p for edge, p in zip(shape, patch, strict=True))
        self.grid_size = (depth, height, across)
        self.num_patches = depth * height * across
        self.proj = nn.Conv3d(channels, width, patch, patch)
        self.register_buffer("spatial_posemb", torch.zeros(1, *self.grid_size, width))
        self.register_buffer("sequential_posemb", torch.zeros(1, scans, width))

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, D, H, W) to (B, N, width)."""
        x = self.proj(pixels).movedim(1, -1)
        x = x + _stretched(self.get_buffer("spatial_posemb"), tuple(x.shape[1:4]))
        return x.flatten(1, 3) + self.get_buffer("sequential_posemb")[:, :1].sum(1, keepdim=True)


def _stretched(positions: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Positions (1, d, h, w, D) for another grid, interpolated."""
    if tuple(positions.shape[1:4]) == grid:
        return positions
    moved = functional.interpolate(positions.movedim(-1, 1), grid, mode="trilinear")
    return moved.movedim(1, -1)


class HlipViT(nn.Module):
    """timm's ViT over 3D patches.

    Args:
        shape: (D, H, W) of the volumes its positions are for.
        patch: (D, H, W) of a patch.
        channels: of a volume.
        width: of a token.
        depth: blocks.
        hidden: width of the MLPs.
        registers: register tokens after the class token.
        scans: positions of scans in a study.
        with_mean: pool the class token and the mean of the patches, side by side.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = CONTRACT.shape,
        patch: tuple[int, int, int] = (8, 16, 16),
        channels: int = 1,
        width: int = 768,
        depth: int = 12,
        hidden: int = 3072,
        registers: int = 0,
        scans: int = 40,
        with_mean: bool = False,
    ):
        super().__init__()
        from timm.models.vision_transformer import Block

        self.with_mean = with_mean
        self.patch_embed = PatchEmbed3d(shape, patch, channels, width, scans)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.reg_token = nn.Parameter(torch.zeros(1, registers, width)) if registers else None
        heads = max(1, width // HEAD)
        self.blocks = nn.ModuleList(
            Block(width, heads, hidden / width, qkv_bias=True, norm_layer=Norm)
            for _ in range(depth)
        )
        self.norm = Norm(width)

    def forward(self, pixels: Tensor) -> Features:
        """Features of volumes (B, C, D, H, W)."""
        x = self.patch_embed(pixels)
        prefix: Tensor = self.cls_token
        if self.reg_token is not None:
            prefix = torch.cat([prefix, self.reg_token], dim=1)
        x = torch.cat([prefix.expand(len(x), -1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        tokens, pooled = x[:, prefix.shape[1] :], x[:, 0]
        if self.with_mean:
            pooled = torch.cat([pooled, tokens.mean(1)], dim=-1)
        patch = self.patch_embed.proj.kernel_size
        grid = tuple(edge // p for edge, p in zip(pixels.shape[2:], patch, strict=True))
        return Features(tokens, pooled, grid)


def read(preset: Preset, folder: Path | None, contract: VolumeContract) -> Backbone:
    """The image tower of a checkpoint; the text tower is never read.

    Raises:
        MolreError: tensors missing, left over or of another shape; volumes that do not fit.
    """
    assert folder is not None
    paths = safetensors_in(folder)
    state = read_tensors(paths, _renamed)
    head = state.pop("head.proj.weight", None)
    patch = needed(state, "patch_embed.proj.weight", folder, preset.name)
    positions = needed(state, "patch_embed.spatial_posemb", folder, preset.name)
    width, channels, *edges = patch.shape
    first, second, third = edges
    check_volumes(preset, contract, channels, (first, second, third))
    d, h, w = (n * p for n, p in zip(positions.shape[1:4], edges, strict=True))
    with_mean = head is not None and head.shape[1] == 2 * width
    empty = positions.new_zeros(1, 0, width)
    scans = state.setdefault("patch_embed.sequential_posemb", empty).shape[1]
    network = HlipViT(
        (d, h, w),
        (first, second, third),
        channels,
        width,
        depth=blocks_in(state),
        hidden=len(needed(state, "blocks.0.mlp.fc1.weight", folder, preset.name)),
        registers=state["reg_token"].shape[1] if "reg_token" in state else 0,
        scans=scans,
        with_mean=with_mean,
    )
    fill(network, state, folder, preset.name)
    dim = 2 * width if with_mean else width
    return Backbone(preset.name, network, features, dim, contract, pedigree(preset, paths))


def features(network: Any, pixels: Tensor) -> Features:
    """What the network gives."""
    found: Features = network(pixels)
    return found


def _renamed(name: str) -> str | None:
    name = name.removeprefix("module.")
    if not name.startswith(PREFIX):
        return None  # the text tower and the loss's scale
    name = name.removeprefix(PREFIX)
    if name == "head.proj.weight":
        return name  # only its shape is looked at
    if not name.startswith("trunk."):
        return None
    name = name.removeprefix("trunk.").replace("series_posemb", "sequential_posemb")
    return f"patch_embed.{name}" if name.endswith("_posemb") else name


PRESETS = {
    NAME: Preset(
        name=NAME,
        slot="3D head CT, open",
        kind="3d",
        parameters=86_630_400,
        dim=768,
        input="1 x 48 x 224 x 224",
        hub_id="Zch0414/hlip-2025-10-08",
        license="MIT",
        derivatives="allowed",
        pretraining="about 240,000 head CT studies with reports (University of Michigan)",
        contract=CONTRACT,
        contract_source="size, resampling and normalization from the publisher's code; the window "
        "is molre's",
        skeleton=HlipViT,
        read=read,
        files=("*.safetensors",),
        unverified="the window that its head CT were exported with is not documented, and molre "
        "takes the brain window",
        conversion="a pickle there: convert pytorch_model.bin to safetensors once",
    )
}
