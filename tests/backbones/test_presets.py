"""The published 2D backbones at full size, from their real configurations, without any weight."""

from __future__ import annotations

import pytest
import torch

from molre.arms.sites import attention_projections, last_blocks
from molre.backbones.catalogue import load, presets
from molre.backbones.contract import Contract
from molre.errors import MolreError

# millions of parameters; layers and blocks that MoLRE adapts under 0.5 %; attention's linear layers
FULL = {
    "dinov3_base": ("85.66", 4, 2, 4 * 12),
    "dinov3_large": ("303.13", 10, 5, 4 * 24),
    "medimageinsight": ("362.73", 2, 1, 2 * 2 * 12),
    "medgemma": ("416.87", 14, 7, 4 * 27),
    "medsiglip": ("428.57", 14, 7, 4 * 27),
    "dinov2_small": ("22.06", 2, 1, 4 * 12),
    "dinov2_base": ("86.58", 4, 2, 4 * 12),
    "dinov2_large": ("304.37", 10, 5, 4 * 24),
    "rad_dino": ("86.58", 4, 2, 4 * 12),
    "curia": ("86.06", 4, 2, 4 * 12),
    "biomedclip": ("85.80", 2, 2, 2 * 12),
}


@pytest.fixture(scope="module", params=FULL)
def full(request) -> tuple[str, torch.nn.Module]:
    with torch.device("meta"):
        return request.param, presets()[request.param].skeleton()


def test_parameters_and_sites_at_full_size(full):
    name, network = full
    millions, layers, blocks, projections = FULL[name]
    counted = sum(p.numel() for p in network.parameters())
    assert counted == presets()[name].parameters
    assert f"{counted / 1e6:.2f}" == millions
    sites = last_blocks(network, 0.005, 6, 8, 32)
    assert (len(sites.layers), sites.blocks) == (layers, blocks)
    assert len(attention_projections(network).layers) == projections


def test_medimageinsight_is_its_tower_and_a_projection():
    with torch.device("meta"):
        network = presets()["medimageinsight"].skeleton()
    assert f"{sum(p.numel() for p in network.tower.parameters()) / 1e6:.2f}" == "360.64"
    assert network.projection.shape == (2048, 1024)


def test_every_2d_preset_is_tried_above():
    assert set(FULL) == {name for name, preset in presets().items() if preset.kind == "2d"}


@pytest.mark.parametrize("name", FULL)
def test_a_row_agrees_with_its_contract(name: str):
    preset = presets()[name]
    contract = preset.contract
    assert isinstance(contract, Contract)
    assert preset.name == name
    assert preset.input == f"{len(contract.windows)} x {contract.size} x {contract.size}"
    assert preset.license
    assert preset.derivatives
    assert preset.pretraining
    assert preset.contract_source
    assert preset.gate is None or preset.gate == f"https://huggingface.co/{preset.hub_id}"


def test_pins_have_the_shape_of_pins():
    for preset in presets().values():
        assert preset.revision is None or len(bytes.fromhex(preset.revision)) == 20
        assert all(len(bytes.fromhex(pin)) == 32 for pin in preset.sha256.values())


def test_medgemmas_windows_are_its_publishers_hu_ranges():
    channels = presets()["medgemma"].contract.channels
    assert [(w.low, w.high) for w in channels] == [(-1024, 1024), (-135, 215), (0, 80)]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("dinov3-base", "dinov3_base"), ("medsigclip", "medsiglip"), ("Curia", "curia")],
)
def test_a_name_spelt_otherwise(name: str, meant: str):
    with pytest.raises(MolreError, match=f"unknown backbone .* Did you mean .*'{meant}'"):
        load(name)
