"""HLIP's image tower in its published names, against timm's ViT for a study of one scan."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from molre.arms.sites import attention_projections, last_blocks
from molre.backbones.catalogue import load, presets
from molre.backbones.families.hlip import HlipViT
from molre.errors import MolreError
from tests.helpers.backbones.checkpoints import add, drop, embed, pixels, read, save, shaken

NAME = "hlip_headct"
SHAPE, PATCH, WIDTH = (16, 32, 32), (8, 16, 16), 128
CONTRACT = presets()[NAME].contract.model_copy(update={"shape": SHAPE, "resize": SHAPE})
SMALL = {"shape": SHAPE, "width": WIDTH, "depth": 3, "hidden": 64, "scans": 5}


def write(folder: Path, prefix: str = "", pool: int = 1, **options) -> HlipViT:
    """A checkpoint as it is published: two towers, position embeddings beside the image's."""
    network = shaken(HlipViT(**{**SMALL, **options}, with_mean=pool == 2))
    generator = torch.Generator().manual_seed(2)
    for buffer in network.buffers():
        buffer.copy_(torch.randn(buffer.shape, generator=generator))
    state = {
        "visual.trunk." + name.replace("patch_embed.s", "s"): tensor
        for name, tensor in network.state_dict().items()
        if tensor.numel()
    }
    state["visual.head.proj.weight"] = torch.zeros(8, pool * WIDTH)
    state |= {"logit_scale": torch.zeros(()), "text.transformer.weight": torch.zeros(3)}
    save({prefix + name: tensor for name, tensor in state.items()}, folder / "model.safetensors")
    return network


def timms(network: HlipViT) -> VisionTransformer:
    """timm's ViT with the same weights; its patches are handed to it as tokens."""

    class Given(torch.nn.Module):
        def __init__(self, **options):
            super().__init__()
            self.num_patches = network.patch_embed.num_patches

        def forward(self, tokens):
            return tokens

    vit = VisionTransformer(
        embed_dim=WIDTH, depth=3, num_heads=2, mlp_ratio=0.5, num_classes=0, global_pool="token",
        embed_layer=Given, pos_embed="none", reg_tokens=0, patch_size=16,
    )  # fmt: skip
    state = network.state_dict()
    vit.load_state_dict({k: v for k, v in state.items() if not k.startswith("patch_embed.")})
    return vit.eval()


@pytest.mark.parametrize("prefix", ["", "module."], ids=["new", "old"])
def test_a_published_checkpoint_is_timms_vit(prefix, tmp_path):
    network = write(tmp_path, prefix)
    backbone = read(NAME, network, tmp_path, contract=CONTRACT)
    volumes = pixels(backbone)
    embedding = network.patch_embed
    tokens = torch.nn.functional.conv3d(
        volumes, embedding.proj.weight, embedding.proj.bias, stride=PATCH
    )
    tokens = tokens.flatten(2).transpose(1, 2) + embedding.spatial_posemb.flatten(1, 3)
    tokens = tokens + embedding.sequential_posemb[:, 0]  # the first scan of a study
    with torch.inference_mode():
        expected = timms(network).forward_features(tokens)
    got = embed(backbone, volumes)
    assert torch.allclose(got.pooled, expected[:, 0], rtol=1e-5, atol=1e-5)
    assert torch.allclose(got.tokens, expected[:, 1:], rtol=1e-5, atol=1e-5)
    assert got.grid == (2, 2, 2)
    assert backbone.dim == WIDTH


def test_newer_checkpoints_pool_the_class_token_and_the_mean(tmp_path):
    network = write(tmp_path, pool=2, registers=1, scans=0, patch=(4, 16, 16))
    backbone = read(NAME, network, tmp_path, contract=CONTRACT)
    got = embed(backbone, pixels(backbone))
    assert got.tokens.shape == (2, 16, WIDTH)
    assert torch.equal(got.pooled[:, WIDTH:], got.tokens.mean(1))
    assert backbone.dim == got.pooled.shape[1] == 2 * WIDTH


def test_positions_are_stretched_to_deeper_volumes(tmp_path):
    network = write(tmp_path)
    deeper = CONTRACT.model_copy(update={"shape": (32, 32, 32), "resize": (32, 32, 32)})
    backbone = read(NAME, network, tmp_path, contract=deeper)
    got = embed(backbone, pixels(backbone))
    assert got.grid == (4, 2, 2)
    assert got.tokens.shape == (2, 16, WIDTH)


def test_parameters_at_full_size():
    with torch.device("meta"):
        network = HlipViT()
        found = network(torch.zeros(1, *presets()[NAME].contract.pixel_shape))
    assert sum(p.numel() for p in network.parameters()) == presets()[NAME].parameters == 86_630_400
    assert found.tokens.shape == (1, 1176, 768)
    assert found.grid == (6, 14, 14)
    sites = last_blocks(network, 0.005, 6, 8, 32)
    assert sites.layers == ("blocks.10.attn.qkv", "blocks.11.attn.qkv")
    assert len(attention_projections(network).layers) == 2 * 12


def test_it_is_refused_until_its_window_is_known(tmp_path):
    with pytest.raises(MolreError, match=r"the window .* is not documented.* Give --unverified"):
        load(NAME, weights_dir=tmp_path)


def test_pickled_weights_are_never_opened(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(MolreError, match=r"pickled weights .*Convert them to safetensors"):
        load(NAME, weights_dir=tmp_path, unverified=True)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    network = write(tmp_path)
    drop(tmp_path / "model.safetensors", "blocks.1.attn.qkv.bias")
    with pytest.raises(
        MolreError, match="1 tensors of hlip_headct, .* with blocks.1.attn.qkv.bias"
    ):
        read(NAME, network, tmp_path, contract=CONTRACT)
    write(tmp_path)
    add(tmp_path / "model.safetensors", "visual.trunk.blocks.1.attn.rope")
    with pytest.raises(MolreError, match="beyond the network, 1 tensors of hlip_headct"):
        read(NAME, network, tmp_path, contract=CONTRACT)
