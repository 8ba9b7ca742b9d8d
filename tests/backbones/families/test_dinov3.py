"""DINOv3 from both published layouts, against transformers and timm run directly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
import transformers as hf

from molre.arms.sites import attention_projections, last_blocks
from molre.backbones.contract import Contract
from molre.errors import MolreError
from tests.helpers.backbones.checkpoints import add, drop, embed, pixels, read, save, shaken

CONTRACT = Contract(size=64)
SMALL = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2}
SMALL |= {"intermediate_size": 256, "num_register_tokens": 4, "image_size": 64, "patch_size": 16}


def published() -> hf.PreTrainedModel:
    return shaken(hf.DINOv3ViTModel(hf.DINOv3ViTConfig(**SMALL)))


def mirrored(name: str = "vit_base_patch16_dinov3") -> torch.nn.Module:
    options = {"embed_dim": 128, "depth": 3, "num_heads": 2, "mlp_ratio": 2, "img_size": 64}
    network = timm.create_model(name, num_classes=0, global_pool="token", **options)
    return shaken(network)


def write_timm(network: torch.nn.Module, folder: Path) -> Path:
    save(network.state_dict(), folder / "model.safetensors")
    config = {"architecture": "vit_base_patch16_dinov3", "num_classes": 0, "num_features": 128}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_transformers_layout(tmp_path: Path):
    network = published()
    network.save_pretrained(tmp_path)
    backbone = read("dinov3_base", network, tmp_path, contract=CONTRACT)
    found = embed(backbone, pixels(backbone))
    with torch.inference_mode():
        wanted = network(pixel_values=pixels(backbone))
    torch.testing.assert_close(found.pooled, wanted.pooler_output, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.tokens, wanted.last_hidden_state[:, 5:], atol=1e-5, rtol=1e-5)
    assert (backbone.dim, found.grid) == (128, (4, 4))


@pytest.mark.parametrize("name", ["vit_base_patch16_dinov3", "vit_base_patch16_dinov3_qkvb"])
def test_timm_layout_without_and_with_zeros_spelt_out(name: str, tmp_path: Path):
    network = mirrored(name)
    backbone = read("dinov3_base", network, write_timm(network, tmp_path), contract=CONTRACT)
    found = embed(backbone, pixels(backbone))
    with torch.inference_mode():
        wanted = network.forward_features(pixels(backbone))
    torch.testing.assert_close(found.pooled, wanted[:, 0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.tokens, wanted[:, 5:], atol=1e-5, rtol=1e-5)


def test_both_layouts_are_one_network_with_one_set_of_sites(tmp_path: Path):
    network = published()
    network.save_pretrained(tmp_path / "a")
    first = read("dinov3_base", network, tmp_path / "a", contract=CONTRACT)
    mirror = mirrored()
    second = read("dinov3_base", mirror, write_timm(mirror, tmp_path / "b"), contract=CONTRACT)
    names = [[n for n, _ in b.network.named_parameters()] for b in (first, second)]
    assert names[0] == names[1]


def test_sites(tmp_path: Path):
    network = published()
    network.save_pretrained(tmp_path)
    found = read("dinov3_base", network, tmp_path, contract=CONTRACT).network
    sites = last_blocks(found, 1.0, 2, 2, 4)
    assert {name.rsplit(".", 1)[-1] for name in sites.layers} == {"q_proj", "v_proj"}
    assert (len(sites.layers), sites.blocks) == (6, 3)
    assert len(attention_projections(found).layers) == 4 * 3


@pytest.mark.parametrize(
    "part", ["patch_embed", "blocks.2.attn.proj", "blocks.0.mlp.fc1", "reg_token"]
)
def test_a_missing_tensor_is_named(part: str, tmp_path: Path):
    network = mirrored()
    write_timm(network, tmp_path)
    drop(tmp_path / "model.safetensors", part)
    with pytest.raises(MolreError, match=r"lacks (1 tensors of DINOv3ViTModel|embeddings|layer.0)"):
        read("dinov3_base", network, tmp_path, contract=CONTRACT)


def test_a_tensor_too_many_is_named(tmp_path: Path):
    network = published()
    network.save_pretrained(tmp_path)
    add(tmp_path / "model.safetensors", "classifier.bias")
    with pytest.raises(MolreError, match="beyond the network, 1 tensors"):
        read("dinov3_base", network, tmp_path, contract=CONTRACT)


def test_a_mask_token_may_be_absent(tmp_path: Path):
    network = published()
    network.save_pretrained(tmp_path)
    drop(tmp_path / "model.safetensors", "mask_token")
    backbone = read("dinov3_base", network, tmp_path, contract=CONTRACT)
    with torch.inference_mode():
        wanted = network(pixel_values=pixels(backbone)).pooler_output
    torch.testing.assert_close(embed(backbone, pixels(backbone)).pooled, wanted)


def test_neither_layout(tmp_path: Path):
    network = hf.ViTModel(hf.ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=1))
    network.save_pretrained(tmp_path)
    with pytest.raises(MolreError, match="neither transformers' nor timm's"):
        read("dinov3_base", network, tmp_path)


def test_a_size_that_patches_do_not_divide(tmp_path: Path):
    network = published()
    network.save_pretrained(tmp_path)
    with pytest.raises(MolreError, match="of 100 do not divide into patches of 16"):
        read("dinov3_base", network, tmp_path, contract=Contract(size=100))
