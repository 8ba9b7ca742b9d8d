"""The prefix cache cuts each published family before its adapted blocks, or says that it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molre.arms.sites import last_blocks
from molre.backbones.backbone import Backbone
from molre.backbones.contract import Contract
from molre.backbones.prefix import Prefix
from molre.errors import MolreError
from tests.backbones.families import test_biomedclip as biomedclip
from tests.backbones.families import test_dinov2 as dinov2
from tests.backbones.families import test_dinov3 as dinov3
from tests.backbones.families import test_medimageinsight as medimageinsight
from tests.backbones.families import test_siglip as siglip
from tests.helpers.backbones.checkpoints import pixels, read


def read_dinov3(folder: Path) -> Backbone:
    network = dinov3.mirrored()
    dinov3.write_timm(network, folder)
    return read("dinov3_base", network, folder, contract=dinov3.CONTRACT)


def read_dinov2(folder: Path) -> Backbone:
    network = dinov2.network()
    return read("dinov2_base", network, dinov2.write(network, folder), contract=Contract(size=56))


def read_medsiglip(folder: Path) -> Backbone:
    network = siglip.tower(head=True)
    siglip.write_medsiglip(network, folder)
    return read("medsiglip", network, folder, contract=siglip.contract("medsiglip"))


def read_biomedclip(folder: Path) -> Backbone:
    network = biomedclip.network()
    biomedclip.write(network, folder)
    return read("biomedclip", network, folder, contract=biomedclip.CONTRACT)


@pytest.mark.parametrize("family", [read_dinov3, read_dinov2, read_medsiglip, read_biomedclip])
def test_resumed_it_is_the_whole_backbone(family, tmp_path: Path):
    backbone = family(tmp_path)
    whole = last_blocks(backbone.network, 1.0, 2, 2, 4)
    container = whole.first_block.rpartition(".")[0]
    prefix = Prefix(backbone, f"{container}.2")
    images = pixels(backbone)
    with torch.inference_mode():
        states = prefix(images).pooled
        torch.testing.assert_close(prefix.resume(states).pooled, backbone(images).pooled)


def test_a_davit_cannot_be_cut_and_says_what_to_do(tmp_path: Path):
    network = medimageinsight.network()
    medimageinsight.write(network, tmp_path / medimageinsight.FILE)
    backbone = read("medimageinsight", network, tmp_path, contract=medimageinsight.CONTRACT)
    first = last_blocks(backbone.network, 10.0, 2, 2, 4).first_block
    with pytest.raises(MolreError, match="prefix_cache=false"):
        Prefix(backbone, first)
