"""BiomedCLIP (Zhang et al., arXiv 2303.00915): the image half of a CLIP trained on figures.

The tower is timm's ViT-B/16 within an open_clip checkpoint (`visual.trunk.*`); the embedding is
its class token before CLIP's projection. The publisher's weights are a pickle, which molre never
opens: they have to be converted to safetensors once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features
from molre.backbones.contract import Contract
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import check_images, pedigree
from molre.backbones.timm_network import fill
from molre.backbones.weight_files import holding, read_tensors, safetensors_in
from molre.errors import MolreError

TRUNK = "visual.trunk."
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
CONFIG = "open_clip_config.json"
SHAPE = ("embed_dim", "depth", "num_heads", "mlp_ratio")  # and nothing that opens a file


def read(preset: Preset, folder: Path | None, contract: Contract) -> Backbone:
    """The tower of an open_clip checkpoint, of the timm network that its configuration names.

    Raises:
        MolreError: no such configuration; tensors missing, left over or of another shape.
    """
    assert folder is not None
    try:
        text = (folder / CONFIG).read_text(encoding="utf-8")
        vision = json.loads(text)["model_cfg"]["vision_cfg"]
        architecture, given = str(vision["timm_model_name"]), vision.get("timm_model_kwargs", {})
        options = {"img_size": int(vision["image_size"])}
        options |= {key: given[key] for key in SHAPE if key in given}
        if not architecture.isidentifier():  # timm fetches what has the form of an address
            raise ValueError(architecture)
    except (OSError, ValueError, KeyError, TypeError):
        raise MolreError(
            "is not a configuration of open_clip with a timm tower",
            where=folder / CONFIG,
            fix=f"give that of {preset.hub_id}",
        ) from None
    paths = holding(safetensors_in(folder), lambda name: name.startswith(TRUNK))
    state = read_tensors(paths, _within)
    network = fill(architecture, {**options, "dynamic_img_size": True}, state, folder)
    convolution = network.patch_embed.proj
    check_images(preset, contract, convolution.in_channels, convolution.kernel_size[0])
    weights = pedigree(preset, paths)
    return Backbone(preset.name, network, features, network.num_features, contract, weights)


def features(network: Any, pixels: Tensor) -> Features:
    """Patch tokens and the class token, after the last norm."""
    tokens = network.forward_features(pixels)
    patch = network.patch_embed.proj.kernel_size[0]
    grid = (pixels.shape[-2] // patch, pixels.shape[-1] // patch)
    return Features(tokens[:, 1:], network.forward_head(tokens, pre_logits=True), grid)


def _within(name: str) -> str | None:
    return name.removeprefix(TRUNK) if name.startswith(TRUNK) else None


def _skeleton() -> nn.Module:
    import timm

    network: nn.Module = timm.create_model("vit_base_patch16_224", num_classes=0)
    return network


PRESETS = {
    "biomedclip": Preset(
        name="biomedclip",
        slot="2D medical (figures)",
        kind="2d",
        parameters=85_798_656,
        dim=768,
        input="3 x 224 x 224",
        hub_id="microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        license="MIT",
        derivatives="allowed",
        pretraining="PMC-15M (figures of articles, CT among them)",
        contract=Contract(resampling="bicubic", mean=CLIP_MEAN, std=CLIP_STD),
        contract_source="size, bicubic resizing and CLIP's normalization from the publisher; "
        "figures have no set window, so the windows are molre's",
        skeleton=_skeleton,
        read=read,
        files=(CONFIG, "*.safetensors"),
        conversion="a pickle there: convert open_clip_pytorch_model.bin to safetensors once",
    )
}
