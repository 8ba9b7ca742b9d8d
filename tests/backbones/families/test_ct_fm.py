"""CT-FM in its published layout, against MONAI's encoder run directly."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molre.arms.arms import ARMS
from molre.arms.sites import attention_projections, last_blocks
from molre.backbones.catalogue import presets
from molre.errors import MolreError
from molre.model.adapted_backbone import adapt
from molre.training.config import TrainConfig
from tests.helpers.backbones.checkpoints import add, drop, embed, pixels, read, save, shaken

NAME = "ct_fm"
CONTRACT = presets()[NAME].contract.model_copy(update={"shape": (16, 32, 16)})
SMALL = {"init_filters": 8, "blocks_down": (1, 2, 1)}
BLOCKS = TrainConfig(placement="blocks", budget=0.9, num_experts=2, r=2, router_hidden=4)


def write(folder: Path, prefix: str = "", norm: str = "batch") -> torch.nn.Module:
    from monai.networks.nets.segresnet_ds import SegResEncoder

    network = shaken(SegResEncoder(spatial_dims=3, in_channels=1, norm=norm, **SMALL))
    generator = torch.Generator().manual_seed(3)
    for name, buffer in network.named_buffers():
        if name.endswith(("mean", "var")):  # as if it had seen something
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    state = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    if prefix:
        state["up_layers.0.upsample.weight"] = torch.zeros(3)  # a decoder beside it
    save(state, folder / "model.safetensors")
    return network


@pytest.mark.parametrize("prefix", ["", "encoder."], ids=["encoder", "whole"])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_published_checkpoint_is_monais_encoder(prefix, norm, tmp_path):
    network = write(tmp_path, prefix, norm)
    backbone = read(NAME, network, tmp_path, contract=CONTRACT)
    volumes = pixels(backbone)
    with torch.inference_mode():
        expected = network(volumes)[-1].mean((2, 3, 4))
    got = embed(backbone, volumes)
    assert torch.allclose(got.pooled, expected, rtol=1e-5, atol=1e-6)
    assert got.tokens is None
    assert got.grid == (4, 8, 4)
    assert backbone.dim == 32
    assert backbone.weights.license == "Apache-2.0"


def test_parameters_and_sites_at_full_size():
    with torch.device("meta"):
        network = presets()[NAME].skeleton()
        maps = network(torch.zeros(1, *presets()[NAME].contract.pixel_shape))
    counted = sum(p.numel() for p in network.parameters())
    assert counted == presets()[NAME].parameters == 77_760_992
    assert f"{counted / 1e6:.2f}" == "77.76"
    assert maps[-1].shape == (1, 512, 4, 14, 14)
    with pytest.raises(MolreError, match=r"^not applicable at placement blocks: budget 0.50%"):
        last_blocks(network, 0.005, 6, 8, 32)
    sites = last_blocks(network, 0.02, 6, 8, 32)
    assert sites.layers == ("layers.4.blocks.3.conv1", "layers.4.blocks.3.conv2")
    assert sites.first_block == "layers.4.blocks.3"
    with pytest.raises(MolreError, match=r"^not applicable: .* no attention projections"):
        attention_projections(network)


def test_gates_are_of_a_volume_where_the_budget_lets_it_be_adapted(tmp_path):
    network = write(tmp_path)
    backbone = read(NAME, network, tmp_path, contract=CONTRACT)
    adapted = adapt(backbone, ARMS["molre"], BLOCKS)
    assert adapted.routed
    volumes = pixels(backbone, 3)
    pooled, gates = adapted.embed(volumes, torch.zeros(3, dtype=torch.long))
    assert pooled.shape == (3, 32)
    assert gates.shape == (3, len(adapted.routed), 2)
    with torch.inference_mode():
        assert torch.allclose(pooled, network(volumes)[-1].mean((2, 3, 4)), atol=1e-5)


def test_the_hu_range_is_the_published_one():
    (window,) = presets()[NAME].contract.channels
    assert (window.low, window.high) == (-1024, 2048)
    assert presets()[NAME].contract.orientation == "SPL"


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    network = write(tmp_path)
    drop(tmp_path / "model.safetensors", "layers.1.blocks.0.conv2")
    with pytest.raises(MolreError, match="1 tensors of ct_fm, .* with layers.1.blocks.0.conv2.w"):
        read(NAME, network, tmp_path, contract=CONTRACT)
    write(tmp_path)
    add(tmp_path / "model.safetensors", "layers.1.blocks.0.conv3.weight")
    with pytest.raises(MolreError, match="beyond the network, 1 tensors of ct_fm"):
        read(NAME, network, tmp_path, contract=CONTRACT)
    save({"cls_token": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(MolreError, match="is not a checkpoint of ct_fm"):
        read(NAME, network, tmp_path, contract=CONTRACT)
