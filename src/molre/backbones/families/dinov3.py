"""DINOv3, ViT-B and ViT-L distilled on LVD-1689M (Siméoni et al., arXiv 2508.10104).

The same weights are published twice: by Meta, in transformers' layout, behind a form; and by timm,
in its own, open under the same license. Both are read into transformers' network. timm's has one
fused projection and no query and value bias, because in the distilled models these are zero; so
they are set to zero here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features
from molre.backbones.contract import Contract
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import check_images, pedigree
from molre.backbones.transformers_network import fill, read_config, settings
from molre.backbones.weight_files import checkpoint_files, read_tensors
from molre.errors import MolreError

TIMM_NAMES = (  # timm's spelling, transformers' spelling
    (r"^cls_token$", "embeddings.cls_token"),
    (r"^reg_token$", "embeddings.register_tokens"),
    (r"^patch_embed\.proj\.", "embeddings.patch_embeddings."),
    (r"^blocks\.", "layer."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.gamma_(\d)$", r".layer_scale\1.lambda1"),
    (r"\.mlp\.fc1\.", ".mlp.up_proj."),
    (r"\.mlp\.fc2\.", ".mlp.down_proj."),
)
TELLING = (
    "embeddings.patch_embeddings.weight",
    "embeddings.register_tokens",
    "layer.0.mlp.up_proj.weight",
)


def read(preset: Preset, folder: Path | None, contract: Contract) -> Backbone:
    """DINOv3 from either layout; the embedding is the class token after the last norm.

    Raises:
        MolreError: neither layout; tensors missing, left over or of another shape.
    """
    assert folder is not None
    paths, options = checkpoint_files(folder), read_config(folder)
    state = read_tensors(paths)
    if "cls_token" in state:
        state = from_timm(state)
        options = shape_of(state, folder)
    elif options.get("model_type") != "dinov3_vit":
        raise MolreError(
            "is neither transformers' nor timm's checkpoint of DINOv3",
            where=folder,
            fix=f"give that of {preset.hub_id}",
        )
    config = settings("DINOv3ViTConfig", options, folder)
    check_images(preset, contract, config.num_channels, config.patch_size)
    network = fill("DINOv3ViTModel", config, state, folder, needless=("mask_token",))
    weights = pedigree(preset, paths)
    return Backbone(preset.name, network, features, config.hidden_size, contract, weights)


def features(network: Any, pixels: Tensor) -> Features:
    """Patch tokens without class and register tokens, and the class token."""
    hidden = network(pixel_values=pixels).last_hidden_state
    patch = network.config.patch_size
    grid = (pixels.shape[-2] // patch, pixels.shape[-1] // patch)
    return Features(hidden[:, -grid[0] * grid[1] :], hidden[:, 0], grid)


def from_timm(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """timm's tensors under transformers' names, the fused projection in three."""
    out: dict[str, Tensor] = {}
    for name, tensor in state.items():
        new = name
        for pattern, replacement in TIMM_NAMES:
            new = re.sub(pattern, replacement, new)
        if name.endswith(".attn.qkv.weight"):
            stem = new.removesuffix(".attn.qkv.weight") + ".attention."
            for part, rows in zip("qkv", tensor.chunk(3), strict=True):
                out[f"{stem}{part}_proj.weight"] = rows.contiguous()
            for part in "qv":
                out.setdefault(f"{stem}{part}_proj.bias", tensor.new_zeros(tensor.shape[1]))
        elif re.search(r"\.attn\.[qv]_bias$", name):  # the `qkvb` variants spell the zeros out
            out[re.sub(r"\.attn\.([qv])_bias$", r".attention.\1_proj.bias", new)] = tensor
        else:
            out[new] = tensor
    return out


def shape_of(state: dict[str, Tensor], where: Path) -> dict[str, Any]:
    """The configuration that tensors of transformers' names have; heads are 64 wide.

    Raises:
        MolreError: a tensor that tells a width is missing.
    """
    patch, registers, wide = (state.get(name) for name in TELLING)
    if patch is None or registers is None or wide is None:
        gone = next(name for name in TELLING if name not in state)
        raise MolreError(f"lacks {gone}", where=where, fix="give the published checkpoint")
    blocks = {name.split(".")[1] for name in state if name.startswith("layer.")}
    return {
        "hidden_size": patch.shape[0],
        "num_channels": patch.shape[1],
        "patch_size": patch.shape[-1],
        "num_hidden_layers": len(blocks),
        "num_attention_heads": max(1, patch.shape[0] // 64),
        "intermediate_size": wide.shape[0],
        "num_register_tokens": registers.shape[1],
    }


def _skeleton(width: int, depth: int) -> nn.Module:
    import transformers

    config = transformers.DINOv3ViTConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=depth,
        num_attention_heads=width // 64,
        num_register_tokens=4,
        image_size=224,
        patch_size=16,
    )
    network: nn.Module = transformers.DINOv3ViTModel(config)
    return network


def _preset(name: str, slot: str, parameters: int, width: int, depth: int) -> Preset:
    size = name.rsplit("_", 1)[-1]
    return Preset(
        name=name,
        slot=slot,
        kind="2d",
        parameters=parameters,
        dim=width,
        input="3 x 224 x 224",
        hub_id=f"timm/vit_{size}_patch16_dinov3.lvd1689m",
        license="DINOv3 License",
        derivatives="allowed under the same license, which goes with them",
        pretraining="LVD-1689M (web pictures)",
        contract=Contract(),
        contract_source="size and ImageNet normalization from the publisher; "
        "it knows no CT, so the windows are molre's",
        skeleton=lambda: _skeleton(width, depth),
        read=read,
    )


PRESETS = {
    "dinov3_base": _preset("dinov3_base", "2D general", 85_660_416, 768, 12),
    "dinov3_large": _preset("dinov3_large", "2D general, large", 303_129_600, 1024, 24),
}
