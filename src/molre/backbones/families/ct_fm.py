"""CT-FM: a residual encoder pretrained on CT of the whole body (Pai et al., arXiv 2501.09001).

MONAI's ``SegResEncoder``, read straight from the published safetensors file; the publisher's own
loader is a thin wrapper around the same class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import pedigree
from molre.backbones.volume_contract import VolumeContract
from molre.backbones.volume_weights import check_volumes, fill, needed
from molre.backbones.weight_files import read_tensors, safetensors_in

NAME = "ct_fm"
BLOCKS, FILTERS = (1, 2, 2, 4, 4), 32
CONTRACT = VolumeContract(
    shape=(64, 224, 224),
    spacing=(3.0, 1.0, 1.0),
    foreground=-500.0,
    windows=((512, 3072),),  # -1024 to 2048 HU
    mean=(0.0,),
    std=(1.0,),
)


def read(preset: Preset, folder: Path | None, contract: VolumeContract) -> Backbone:
    """The encoder; the embedding is the mean over space of its last map.

    Raises:
        MolreError: tensors missing, left over or of another shape; a contract of other channels.
    """
    assert folder is not None
    paths = safetensors_in(folder)
    state = read_tensors(paths, _ours)
    first = needed(state, "conv_init.weight", folder, preset.name)
    check_volumes(preset, contract, first.shape[1])
    network = build(state)
    fill(network, state, folder, preset.name)
    width, blocks = _blocks_of(state)
    dim = width * 2 ** (len(blocks) - 1)
    return Backbone(preset.name, network, features, dim, contract, pedigree(preset, paths))


def _ours(name: str) -> str | None:
    """A tensor's name in the encoder; a decoder that was published with it is left out."""
    name = name.removeprefix("encoder.")
    return name if name.startswith(("conv_init.", "layers.")) else None


def _blocks_of(state: dict[str, Tensor]) -> tuple[int, tuple[int, ...]]:
    """First width and blocks of each level of a checkpoint."""
    counts: dict[int, set[str]] = {}
    for name in state:
        parts = name.split(".")
        if parts[0] == "layers" and "blocks" in parts[2:3]:
            counts.setdefault(int(parts[1]), set()).add(parts[3])
    width = len(state["conv_init.weight"]) if "conv_init.weight" in state else FILTERS
    return width, tuple(len(counts[level]) for level in sorted(counts)) or BLOCKS


def build(state: dict[str, Tensor]) -> nn.Module:
    """The network that a checkpoint was made by; nothing in it gives the published one.

    Where the checkpoint keeps running means its normalization is batch norm, else instance norm.
    """
    from monai.networks.nets.segresnet_ds import SegResEncoder

    width, blocks = _blocks_of(state)
    channels = state["conv_init.weight"].shape[1] if "conv_init.weight" in state else 1
    batch = not state or any(name.endswith("running_mean") for name in state)
    network: nn.Module = SegResEncoder(
        spatial_dims=3,
        init_filters=width,
        in_channels=channels,
        blocks_down=blocks,
        norm="batch" if batch else "instance",
    )
    return network


def features(network: Any, pixels: Tensor) -> Features:
    """The mean over space of the last of its maps; there are no tokens."""
    last = network(pixels)[-1]
    return Features(None, torch.mean(last, (2, 3, 4)), tuple(last.shape[2:]))


PRESETS = {
    NAME: Preset(
        name=NAME,
        slot="3D CT, general",
        kind="3d",
        parameters=77_760_992,
        dim=512,
        input="1 x 64 x 224 x 224, 3 x 1 x 1 mm",
        hub_id="project-lighter/ct_fm_feature_extractor",
        license="Apache-2.0",
        derivatives="allowed",
        pretraining="148,000 CT volumes of the Imaging Data Commons (whole body)",
        contract=CONTRACT,
        contract_source="orientation, HU range and crop from the publisher's card, spacing from "
        "its pretraining; the fixed shape and the crop's threshold of -500 HU are molre's",
        skeleton=lambda: build({}),
        read=read,
        files=("*.safetensors",),
    )
}
