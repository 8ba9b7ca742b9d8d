"""DINOv2 (Oquab et al., arXiv 2304.07193) and two radiology models of its architecture.

RAD-DINO (Pérez-García et al., arXiv 2401.10815) has seen chest X-rays; Curia (Dancette et al.,
arXiv 2509.06830) has seen CT and MR slices of the whole body, one channel, patches of 16. Curia's
own processor, which is remote code, is small and written out in its contract: no window, bicubic
to 512, nothing below -1000 HU, every slice to mean 0 and standard deviation 1, rows towards
Posterior and columns towards Left.
"""

from __future__ import annotations

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

# low enough and high enough that only air below -1000 HU is cut, as every slice is rescaled
NO_WINDOW = (2000.0, 6000.0)


def read(preset: Preset, folder: Path | None, contract: Contract) -> Backbone:
    """A DINOv2 network; the embedding is the class token after the last norm.

    Raises:
        MolreError: another architecture; tensors missing, left over or of another shape.
    """
    assert folder is not None
    values = read_config(folder)
    if values.get("model_type") != "dinov2":
        raise MolreError(
            f"is a checkpoint of {values.get('model_type') or 'no transformers model'}",
            where=folder,
            fix=f"give that of {preset.hub_id}",
        )
    config = settings("Dinov2Config", values, folder)
    check_images(preset, contract, config.num_channels, config.patch_size)
    paths = checkpoint_files(folder)
    network = fill("Dinov2Model", config, read_tensors(paths), folder, needless=("mask_token",))
    weights = pedigree(preset, paths)
    return Backbone(preset.name, network, features, config.hidden_size, contract, weights)


def features(network: Any, pixels: Tensor) -> Features:
    """Patch tokens and the class token; position embeddings follow the image's size."""
    hidden = network(pixel_values=pixels).last_hidden_state
    patch = network.config.patch_size
    return Features(
        hidden[:, 1:], hidden[:, 0], (pixels.shape[-2] // patch, pixels.shape[-1] // patch)
    )


def _skeleton(
    width: int, depth: int, size: int = 518, patch: int = 14, channels: int = 3
) -> nn.Module:
    import transformers

    config = transformers.Dinov2Config(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=width // 64,
        mlp_ratio=4,
        image_size=size,
        patch_size=patch,
        num_channels=channels,
    )
    network: nn.Module = transformers.Dinov2Model(config)
    return network


def _dinov2(
    size: str, parameters: int, width: int, depth: int, revision: str, sha256: str | None
) -> Preset:
    return Preset(
        name=f"dinov2_{size}",
        slot="2D general",
        kind="2d",
        parameters=parameters,
        dim=width,
        input="3 x 224 x 224",
        hub_id=f"facebook/dinov2-{size}",
        license="Apache-2.0",
        derivatives="allowed",
        pretraining="LVD-142M (web pictures)",
        contract=Contract(resampling="bicubic"),
        contract_source="size, bicubic resizing and ImageNet normalization from the publisher; "
        "it knows no CT, so the windows are molre's",
        skeleton=lambda: _skeleton(width, depth),
        read=read,
        files=("config.json", "model.safetensors"),
        revision=revision,
        sha256={"model.safetensors": sha256} if sha256 else {},
    )


_RAD_DINO = Preset(
    name="rad_dino",
    slot="2D medical (X-ray)",
    kind="2d",
    parameters=86_580_480,
    dim=768,
    input="3 x 518 x 518",
    hub_id="microsoft/rad-dino",
    license="MIT",
    derivatives="allowed",
    pretraining="chest X-rays (MIMIC-CXR, CheXpert, NIH-CXR, PadChest, BRAX)",
    contract=Contract(size=518, resampling="bicubic", mean=(0.5307,) * 3, std=(0.2583,) * 3),
    contract_source="size, bicubic resizing and normalization from the publisher, for X-rays; "
    "the windows are molre's",
    skeleton=lambda: _skeleton(768, 12),
    read=read,
    files=("config.json", "model.safetensors"),
    unverified="it was trained on chest X-rays alone, and nothing is documented for CT",
)

_CURIA = Preset(
    name="curia",
    slot="2D medical (CT, MR)",
    kind="2d",
    parameters=86_060_544,
    dim=768,
    input="1 x 512 x 512",
    hub_id="raidium/curia",
    license="Research-Only RAIL-M",
    derivatives="for research, under the same restrictions",
    pretraining="200 M CT and MR slices of one hospital",
    contract=Contract(
        size=512,
        windows=(NO_WINDOW,),
        mean=(0.0,),
        std=(1.0,),
        resampling="bicubic",
        normalization="image",
    ),
    contract_source="the publisher's image processor, with its clipping of air",
    skeleton=lambda: _skeleton(768, 12, 512, 16, 1),
    read=read,
    files=("config.json", "model.safetensors"),
    gate="https://huggingface.co/raidium/curia",
)

PRESETS = {
    preset.name: preset
    for preset in (
        _dinov2(
            "small",
            22_056_576,
            384,
            12,
            "ed25f3a31f01632728cabb09d1542f84ab7b0056",
            "ae1e99fcefd534ed978cdeb8326f08030c96e28b7a81ffcbc98a857c84d14be1",
        ),
        _dinov2("base", 86_580_480, 768, 12, "f9e44c814b77203eaa57a6bdbbd535f21ede1415", None),
        _dinov2(
            "large",
            304_368_640,
            1024,
            24,
            "47b73eefe95e8d44ec3623f8890bd894b6ea2d6c",
            "399fba97a95f22c36834418bc69373364a99af3a1153da1c0fb31db567c92e23",
        ),
        _RAD_DINO,
        _CURIA,
    )
}
