"""A small 3D network for head CT, trained from scratch: MONAI's DenseNet, about 7 M parameters.

It fills the slot of the paper's smallest 3D model by size and by having no pooling that a router
could follow. It is not that model, of which neither architecture nor weights are published.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.preset import Preset
from molre.backbones.volume_contract import VolumeContract
from molre.backbones.volume_weights import check_volumes
from molre.errors import MolreError

NAME = "small3d"
FEATURES, GROWTH, BLOCKS = 64, 25, (6, 12, 24, 16)
DIM = 801
HALVED = 32  # voxels, one way, of which five halvings leave one; batch norm needs two
CONTRACT = VolumeContract(
    shape=(32, 128, 128),
    spacing=(5.0, 2.0, 2.0),
    foreground=0.0,
    windows=((40, 80), (80, 200), (600, 2800)),
    mean=(0.25, 0.25, 0.25),
    std=(0.25, 0.25, 0.25),
)


def read(preset: Preset, folder: Path | None, contract: VolumeContract) -> Backbone:
    """The network as it starts; :attr:`Backbone.start` draws other weights.

    Raises:
        MolreError: a contract of other than 3 windows, or of volumes that are too small.
    """
    check_volumes(preset, contract, channels=3)
    if math.prod(edge // HALVED for edge in contract.shape) < 2:
        shape = " x ".join(map(str, contract.shape))
        raise MolreError(
            f"{NAME} halves volumes five times, which leaves too little of {shape} to normalize",
            fix=f"give a shape of at least {HALVED} in every direction and {2 * HALVED} in "
            "one, with --contract FILE",
        )
    network = skeleton()
    design = f"MONAI DenseNet {FEATURES} {GROWTH} {BLOCKS}, from scratch"
    weights = Weights(
        id="none: trained from scratch",
        sha256=hashlib.sha256(design.encode()).hexdigest(),
        license=preset.license,
        derivatives=preset.derivatives,
        pretraining=preset.pretraining,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        start(network)
    return Backbone(NAME, network, features, DIM, contract, weights, start)


def skeleton() -> nn.Module:
    """The network without its classification layer; the last map is 801 channels wide."""
    from monai.networks.nets import DenseNet

    network: Any = DenseNet(
        spatial_dims=3,
        in_channels=3,
        out_channels=1,
        init_features=FEATURES,
        growth_rate=GROWTH,
        block_config=BLOCKS,
    )
    network.class_layers = nn.Identity()
    return network


def start(network: nn.Module) -> None:
    """Draw weights from torch's generator: He for convolutions, as MONAI and the paper of ResNet.

    Normalization starts as the identity, with nothing seen yet.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm3d):
            module.reset_parameters()


def features(network: Any, pixels: Tensor) -> Features:
    """The mean over space of the last map; there are no tokens."""
    last = torch.relu(network.features(pixels))
    return Features(None, last.mean((2, 3, 4)), tuple(last.shape[2:]))


PRESETS = {
    NAME: Preset(
        name=NAME,
        slot="3D small",
        kind="3d",
        parameters=6_962_418,
        dim=DIM,
        input="3 x 32 x 128 x 128, 5 x 2 x 2 mm",
        hub_id=None,
        license="Apache-2.0",
        derivatives="allowed",
        pretraining="none: trained from scratch",
        contract=CONTRACT,
        contract_source="molre's own, as the network is",
        skeleton=skeleton,
        read=read,
        files=(),
    )
}
