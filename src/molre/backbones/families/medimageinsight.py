"""MedImageInsight (Codella et al., arXiv 2410.06542): a DaViT trained on many medical modalities.

The published file is safetensors in spite of its name (.pt); were it a pickle, it would not be
opened. timm's `davit_huge_fl` is the same network under other names. The embedding is the pooled
2048 numbers times the published projection, 1024 numbers, not normalized.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features
from molre.backbones.contract import Contract
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import check_images, pedigree
from molre.backbones.timm_network import fill
from molre.backbones.weight_files import read_tensors
from molre.errors import MolreError

FILE = "medimageinsigt-v1.0.0.pt"  # as the publisher spells it
HEAD_WIDTH = 32  # of every attention head and channel group
NAMES = (  # the publisher's spelling, timm's spelling
    (r"^visual\.", "image_encoder."),  # older files
    (r"^vision_projection$", "image_projection"),
    (r"^image_encoder\.", ""),
    (r"^convs\.(\d+)\.", r"stages.\1.downsample."),
    (r"^blocks\.(\d+)\.", r"stages.\1.blocks."),
    (r"\.downsample\.proj\.", ".downsample.conv."),
    (r"^stages\.0\.downsample\.", "stem."),
    (r"\.(?:window|channel)_attn\.norm\.", ".norm1."),
    (r"\.(?:window|channel)_attn\.fn\.", ".attn."),
    (r"\.ffn\.norm\.", ".norm2."),
    (r"\.ffn\.fn\.net\.", ".mlp."),
    (r"\.conv([12])\.fn\.dw\.", r".cpe\1.proj."),
    (r"^norms\.", "head.norm."),
)


class ProjectedDaViT(nn.Module):
    """The tower and the projection behind it.

    Args:
        tower: timm's DaViT without classifier.
        projection: (pooled width, embedding width).
    """

    def __init__(self, tower: Any, projection: Tensor):
        super().__init__()
        self.tower = tower
        self.projection = nn.Parameter(projection)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The last map (B, C, H, W) and the embedding (B, D) of pixels (B, 3, H, W)."""
        last = self.tower.forward_features(pixels)
        return last, self.tower.forward_head(last, pre_logits=True) @ self.projection


def read(preset: Preset, folder: Path | None, contract: Contract) -> Backbone:
    """MedImageInsight's image half, of the width and depth that its tensors have.

    Raises:
        MolreError: not safetensors; tensors missing, left over or of another shape.
    """
    assert folder is not None
    path = sorted(folder.glob(preset.files[0]))[0]
    state = read_tensors([path], _timm_name)
    projection = state.pop("image_projection", None)
    if projection is None or "stem.conv.weight" not in state:
        raise MolreError(
            "is not a checkpoint of MedImageInsight's image half",
            where=path,
            fix=f"give that of {preset.hub_id}",
        )
    check_images(preset, contract, state["stem.conv.weight"].shape[1], 32)
    network = ProjectedDaViT(fill("davit_huge_fl", shape_of(state), state, path), projection)
    dim = projection.shape[1]
    return Backbone(preset.name, network, features, dim, contract, pedigree(preset, [path]))


def features(network: Any, pixels: Tensor) -> Features:
    """The last map as tokens, and the projected embedding."""
    last, pooled = network(pixels)
    return Features(last.flatten(2).transpose(1, 2), pooled, tuple(last.shape[-2:]))


def shape_of(state: dict[str, Tensor]) -> dict[str, Any]:
    """timm's options for the widths and depths of tensors under timm's names."""
    blocks = {
        tuple(m) for name in state for m in re.findall(r"^stages\.(\d)\.blocks\.(\d+)\.", name)
    }
    depths = [sum(1 for stage, _ in blocks if stage == str(s)) for s in range(4)]
    convs = ["stem.conv.weight", *(f"stages.{s}.downsample.conv.weight" for s in (1, 2, 3))]
    widths = [state[name].shape[0] for name in convs if name in state]
    heads = [max(1, width // HEAD_WIDTH) for width in widths]
    return {"depths": depths, "embed_dims": widths, "num_heads": heads}


def _timm_name(name: str) -> str | None:
    """timm's name of a published tensor; None for the text half and the temperature."""
    for pattern, replacement in NAMES[:2]:
        name = re.sub(pattern, replacement, name)
    if not name.startswith(("image_encoder.", "image_projection")):
        return None
    for pattern, replacement in NAMES[2:]:
        name = re.sub(pattern, replacement, name)
    return name


def _skeleton() -> nn.Module:
    import timm

    return ProjectedDaViT(
        timm.create_model("davit_huge_fl", num_classes=0), torch.empty(2048, 1024)
    )


PRESETS = {
    "medimageinsight": Preset(
        name="medimageinsight",
        slot="2D medical",
        kind="2d",
        parameters=362_733_568,
        dim=1024,
        input="3 x 480 x 480",
        hub_id="lion-ai/MedImageInsights",
        license="MIT",
        derivatives="allowed",
        pretraining="X-ray, CT, MR, ultrasound, dermatology, pathology and more",
        contract=Contract(size=480, resampling="bicubic"),
        contract_source="size, bicubic resizing and ImageNet normalization from the publisher; "
        "the windows are molre's",
        skeleton=_skeleton,
        read=read,
        files=(f"**/{FILE}",),
        unverified="its publisher does not say in which windows it was shown CT",
    )
}
