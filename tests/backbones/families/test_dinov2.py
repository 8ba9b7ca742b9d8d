"""DINOv2, RAD-DINO and Curia, against transformers run directly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file

from molre.arms.sites import attention_projections, last_blocks
from molre.backbones.catalogue import load, presets
from molre.backbones.contract import Contract
from molre.backbones.preset_weights import load_preset
from molre.embedding.pixels import to_pixels
from molre.errors import MolreError
from tests.helpers.backbones.checkpoints import embed, pixels, read, save, shaken
from tests.helpers.embedding.volumes import noise, stack

SMALL = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2, "mlp_ratio": 2}
# names as transformers 4 spelt them, and as the hub's files do
PUBLISHED = (
    (".attention.q_proj.", ".attention.attention.query."),
    (".attention.k_proj.", ".attention.attention.key."),
    (".attention.v_proj.", ".attention.attention.value."),
    (".attention.o_proj.", ".attention.output.dense."),
)


def network(size: int = 56, patch: int = 14, channels: int = 3) -> hf.PreTrainedModel:
    options = {"image_size": size, "patch_size": patch, "num_channels": channels}
    return shaken(hf.Dinov2Model(hf.Dinov2Config(**SMALL, **options)))


def write(model: hf.PreTrainedModel, folder: Path) -> Path:
    """A checkpoint with the tensors' published names, whatever transformers is installed."""
    model.save_pretrained(folder)
    state = load_file(folder / "model.safetensors")
    for new, old in PUBLISHED:
        state = {name.replace(new, old): tensor for name, tensor in state.items()}
    save(state, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("size", [56, 70])
@pytest.mark.parametrize("name", ["dinov2_small", "dinov2_large", "rad_dino"])
def test_embedding_is_transformers_class_token(name: str, size: int, tmp_path: Path):
    model = network()
    contract = presets()[name].contract.model_copy(update={"size": size})
    backbone = read(name, model, write(model, tmp_path), contract=contract)
    found, images = embed(backbone, pixels(backbone)), pixels(backbone)
    with torch.inference_mode():
        wanted = model(pixel_values=images)
    torch.testing.assert_close(found.pooled, wanted.pooler_output, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.tokens, wanted.last_hidden_state[:, 1:], atol=1e-5, rtol=1e-5)
    assert found.grid == (size // 14, size // 14)


def test_the_published_names_are_these(tmp_path: Path):
    names = load_file(write(network(), tmp_path) / "model.safetensors")
    assert "encoder.layer.0.attention.attention.query.weight" in names
    assert "encoder.layer.2.attention.output.dense.bias" in names
    assert not any("q_proj" in name for name in names)


def test_sites(tmp_path: Path):
    model = network()
    contract = Contract(size=56)
    found = read("dinov2_base", model, write(model, tmp_path), contract=contract).network
    sites = last_blocks(found, 1.0, 2, 2, 4)
    assert {n.rsplit(".", 1)[-1] for n in sites.layers} in (
        {"q_proj", "v_proj"},
        {"query", "value"},
    )
    assert (len(sites.layers), sites.blocks) == (6, 3)
    assert len(attention_projections(found).layers) == 4 * 3


def test_curia_takes_one_channel_and_no_other(tmp_path: Path):
    model = network(64, 16, 1)
    write(model, tmp_path)
    contract = presets()["curia"].contract.model_copy(update={"size": 64})
    backbone = read("curia", model, tmp_path, contract=contract)
    found, images = embed(backbone, pixels(backbone)), pixels(backbone)
    with torch.inference_mode():
        wanted = model(pixel_values=images).pooler_output
    torch.testing.assert_close(found.pooled, wanted, atol=1e-5, rtol=1e-5)
    with pytest.raises(MolreError, match="curia takes 1 channels, the contract has 3 windows"):
        read("curia", model, tmp_path, contract=Contract(size=64))


@pytest.mark.parametrize("edge", [512, 256])
def test_curia_sees_a_slice_as_its_processor_prepares_it(edge: int):
    """Bicubic to 512, nothing below -1000, mean 0 and deviation 1: written out here again."""
    volume = noise(2, edge)
    found, _ = to_pixels(volume, presets()["curia"].contract)
    hu = torch.from_numpy(volume.hu.astype(np.float32))[:, None]
    wanted = torch.nn.functional.interpolate(
        hu, (512, 512), mode="bicubic", antialias=True, align_corners=False
    ).clamp_min(-1000)
    mean, deviation = wanted.mean((2, 3), keepdim=True), wanted.std((2, 3), keepdim=True)
    torch.testing.assert_close(found, (wanted - mean) / deviation, atol=1e-3, rtol=1e-3)


def test_curia_sees_a_blank_slice_as_zeros():
    found, _ = to_pixels(stack(np.full((1, 64, 64), -1024)), presets()["curia"].contract)
    assert torch.equal(found, torch.zeros_like(found))


def test_another_architecture(tmp_path: Path):
    other = hf.ViTModel(hf.ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=1))
    other.save_pretrained(tmp_path)
    with pytest.raises(MolreError, match="is a checkpoint of vit"):
        read("dinov2_base", other, tmp_path)


def test_a_real_network_of_its_size_is_not_taken_for_it(shared: Path):
    """Another ViT-S in DINOv2's layout: refused by its hash; without the pin, as transformers."""
    weights = shared / "weights" / "vit_small_patch14_imgfocus"
    with pytest.raises(MolreError, match="is not the file that dinov2_small was pinned to"):
        load("dinov2_small", weights_dir=weights)
    free = replace(presets()["dinov2_small"], sha256={}, revision=None)
    backbone = load_preset(free, weights)
    images = pixels(backbone, 1)
    model = hf.Dinov2Model.from_pretrained(weights, dtype=torch.float32).eval()
    with torch.inference_mode():
        wanted = model(pixel_values=images).pooler_output
    torch.testing.assert_close(embed(backbone, images).pooled, wanted, atol=1e-4, rtol=1e-4)
