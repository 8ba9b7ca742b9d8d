"""MedSigLIP and the vision tower of MedGemma 1.5 (Sellergren et al., arXiv 2507.05201).

Both are SigLIP-so400m/14 (Zhai et al., arXiv 2303.15343), tuned on medical images. Only the
vision tower is read: from MedSigLIP's two towers, or out of MedGemma, of which only the shards
that hold it are opened. MedSigLIP's embedding is its trained attention pooling; MedGemma's tower
has none, so its tokens are averaged. Tensors are found under both spellings of transformers.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features
from molre.backbones.contract import Contract
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import check_images, pedigree
from molre.backbones.transformers_network import fill, read_config, settings
from molre.backbones.weight_files import checkpoint_files, holding, read_tensors
from molre.errors import MolreError

# HU ranges of MedGemma 1.5 as red, green and blue: (-1024, 1024), (-135, 215), (0, 80)
MEDGEMMA_WINDOWS = ((0.0, 2048.0), (40.0, 350.0), (40.0, 80.0))
HALF = (0.5, 0.5, 0.5)
INSIDE = "vision_tower."  # of a language model that sees
TOWER = "siglip_vision_model"  # alone
WHERE = {"siglip": "vision_model.", TOWER: ""}  # beside a text tower, alone


def read(preset: Preset, folder: Path | None, contract: Contract) -> Backbone:
    """The vision tower of a SigLIP or Gemma 3 checkpoint.

    Raises:
        MolreError: another architecture; tensors missing, left over or of another shape.
    """
    assert folder is not None
    values = read_config(folder)
    kind = values.get("model_type")
    vision = values if kind == TOWER else values.get("vision_config")
    if not isinstance(vision, dict) or vision.get("model_type", TOWER) != TOWER:
        raise MolreError(
            "holds no SigLIP vision tower",
            where=folder,
            fix=f"give the checkpoint of {preset.hub_id}",
        )
    rename = partial(_tower_name, WHERE.get(str(kind), INSIDE))
    paths = holding(checkpoint_files(folder), rename)
    state = read_tensors(paths, rename)
    pooled = any(name.startswith("vision_model.head.") for name in state)
    config = settings("SiglipVisionConfig", vision, folder)
    config.vision_use_head = pooled  # transformers 4 reads it, but knows no such field
    check_images(preset, contract, config.num_channels, config.patch_size)
    network = fill("SiglipVisionModel", config, state, folder)
    weights = pedigree(preset, paths)
    return Backbone(preset.name, network, features, config.hidden_size, contract, weights)


def _tower_name(prefix: str, name: str) -> str | None:
    """A tower's tensor as ``vision_model.*``; None for all others.

    A tower's own ``vision_model.`` may be there or not: transformers 5 has no such module.
    """
    head, found, rest = name.partition(prefix) if prefix else ("", "", name)
    if prefix and (not found or head not in ("", "model.")):
        return None
    return "vision_model." + rest.removeprefix("vision_model.")


def features(network: Any, pixels: Tensor) -> Features:
    """All tokens are of patches; pooled by the tower's own head, or their mean."""
    resampled = pixels.shape[-1] != network.config.image_size
    found = network(pixel_values=pixels, interpolate_pos_encoding=resampled)
    tokens = found.last_hidden_state
    pooled = found.pooler_output if found.pooler_output is not None else tokens.mean(1)
    patch = network.config.patch_size
    return Features(tokens, pooled, (pixels.shape[-2] // patch, pixels.shape[-1] // patch))


def _skeleton(size: int, head: bool) -> nn.Module:
    import transformers

    config = transformers.SiglipVisionConfig(
        hidden_size=1152,
        intermediate_size=4304,
        num_hidden_layers=27,
        num_attention_heads=16,
        image_size=size,
        patch_size=14,
        vision_use_head=head,
    )
    network: nn.Module = transformers.SiglipVisionModel(config)
    return network


def _contract(size: int) -> Contract:
    return Contract(
        size=size,
        windows=MEDGEMMA_WINDOWS,
        mean=HALF,
        std=HALF,
        resize="image",
        gray_levels=256,
    )


_TERMS = "Health AI Developer Foundations terms"
_PASSED_ON = "allowed, and passed on with the terms and their use restrictions"

PRESETS = {
    "medgemma": Preset(
        name="medgemma",
        slot="2D medical, largest",
        kind="2d",
        parameters=416_866_032,
        dim=1152,
        input="3 x 896 x 896",
        hub_id="google/medgemma-1.5-4b-it",
        license=_TERMS,
        derivatives=_PASSED_ON,
        pretraining="medical pictures, CT among them, beside SigLIP's web pictures",
        contract=_contract(896),
        contract_source="the publisher's notebook for CT with MedGemma 1.5: three windows as 8-bit "
        "colors, bilinear resizing, [-1, 1]",
        skeleton=lambda: _skeleton(896, head=False),
        read=read,
        gate="https://huggingface.co/google/medgemma-1.5-4b-it",
    ),
    "medsiglip": Preset(
        name="medsiglip",
        slot="2D medical, largest",
        kind="2d",
        parameters=428_565_440,
        dim=1152,
        input="3 x 448 x 448",
        hub_id="google/medsiglip-448",
        license=_TERMS,
        derivatives=_PASSED_ON,
        pretraining="medical pictures, CT among them, beside SigLIP's web pictures",
        contract=_contract(448),
        contract_source="size, bilinear resizing and [-1, 1] from the publisher; "
        "the windows are MedGemma 1.5's",
        skeleton=lambda: _skeleton(448, head=True),
        read=read,
        gate="https://huggingface.co/google/medsiglip-448",
        unverified="its card does not say in which windows it was shown CT",
    ),
}
