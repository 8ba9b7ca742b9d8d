"""``timm:NAME``: the embedding is timm's own; never weights that nobody trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from molre.backbones.catalogue import load
from molre.backbones.contract import Contract
from molre.errors import MolreError
from molre.files import sha256

CONTRACT = Contract(size=64)
# a CNN, one whose head widens the pooled vector, a ViT, and a pyramid
NETWORKS = ["resnet10t", "mobilenetv3_small_050", "test_vit", "test_convnext"]


def write(name: str, path: Path, **options) -> torch.nn.Module:
    """A timm network with its classifier, every number random, saved as safetensors."""
    network = timm.create_model(name, **options).eval()
    torch.manual_seed(0)
    state = {
        k: v + 0.1 * torch.rand_like(v) if v.is_floating_point() else v
        for k, v in network.state_dict().items()
    }
    network.load_state_dict(state)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in state.items()}, path)
    return network


def options(name: str) -> dict[str, int]:
    return {"img_size": 64} if "vit" in name else {}


@pytest.mark.parametrize("name", NETWORKS)
def test_embedding_is_timms_own(name, tmp_path: Path):
    network = write(name, tmp_path / f"{name}.safetensors", **options(name))
    backbone = load(f"timm:{name}", weights_dir=tmp_path, contract=CONTRACT)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        wanted = network.forward_head(network.forward_features(pixels), pre_logits=True)
        found = backbone(pixels)
    torch.testing.assert_close(found.pooled, wanted, atol=1e-5, rtol=1e-5)
    assert found.pooled.shape == (2, backbone.dim)


def test_patch_tokens_without_the_class_token(tmp_path: Path):
    write("test_vit", tmp_path / "model.safetensors", **options("test_vit"))
    backbone = load("timm:test_vit", weights_dir=tmp_path, contract=CONTRACT)
    with torch.inference_mode():
        found = backbone(torch.randn(2, 3, 64, 64))
    assert found.tokens.shape == (2, 16, backbone.dim)


def test_weights_are_hashed_and_named_without_a_path(tmp_path: Path):
    write("resnet10t", tmp_path / "model.safetensors")
    weights = load("timm:resnet10t", weights_dir=tmp_path).weights
    assert weights.id == "timm:resnet10t"
    assert weights.sha256 == sha256(tmp_path / "model.safetensors")
    assert str(tmp_path) not in str(weights)


def test_position_embeddings_follow_the_contracts_size(tmp_path: Path):
    """Weights of 160-pixel images serve 64-pixel ones, resampled as timm does it."""
    write("test_vit", tmp_path / "model.safetensors")
    backbone = load("timm:test_vit", weights_dir=tmp_path, contract=CONTRACT)
    wanted = timm.create_model(
        "test_vit",
        img_size=64,
        pretrained=True,
        pretrained_cfg_overlay={"file": str(tmp_path / "model.safetensors")},
    ).eval()
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = wanted.forward_head(wanted.forward_features(pixels), pre_logits=True)
        torch.testing.assert_close(backbone(pixels).pooled, expected)


def test_one_window_for_weights_of_three_channels(tmp_path: Path):
    """The first layer's channels are summed, so that a gray image gives what it gave."""
    network = write("resnet10t", tmp_path / "model.safetensors")
    one = Contract(size=64, windows=((40, 80),), mean=(0,), std=(1,))
    backbone = load("timm:resnet10t", weights_dir=tmp_path, contract=one)
    gray = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        features = network.forward_features(gray.expand(-1, 3, -1, -1))
        wanted = network.forward_head(features, pre_logits=True)
        torch.testing.assert_close(backbone(gray).pooled, wanted, atol=1e-4, rtol=1e-4)


def test_unknown_name(tmp_path: Path):
    with pytest.raises(MolreError, match=r"no model 'resnet10x'. Did you mean 'resnet10t'"):
        load("timm:resnet10x", weights_dir=tmp_path)


def test_missing_weights(tmp_path: Path):
    with pytest.raises(MolreError, match="has neither resnet10t.safetensors nor model.safetensors"):
        load("timm:resnet10t", weights_dir=tmp_path)


@pytest.mark.parametrize("name", ["resnet10t", "resnet10t.c3_in1k", "test_vit"])
def test_without_a_network_there_are_no_random_weights(name):
    with pytest.raises(MolreError, match=f"weights of timm:{name} are not on this machine"):
        load(f"timm:{name}")


def test_weights_of_another_architecture(tmp_path: Path):
    write("test_vit", tmp_path / "resnet10t.safetensors")
    with pytest.raises(MolreError, match="of exactly this network"):
        load("timm:resnet10t", weights_dir=tmp_path)


def test_weights_of_another_width(tmp_path: Path):
    write("mobilenetv3_small_075", tmp_path / "mobilenetv3_small_050.safetensors")
    with pytest.raises(MolreError, match="does not fit mobilenetv3_small_050"):
        load("timm:mobilenetv3_small_050", weights_dir=tmp_path)


@pytest.mark.parametrize("gone", ["conv1.0.weight", "bn1.running_mean", "layer4.0.bn1.bias"])
def test_a_missing_tensor_is_named(gone, tmp_path: Path):
    write("resnet10t", tmp_path / "model.safetensors")
    state = load_file(tmp_path / "model.safetensors")
    del state[gone]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(MolreError, match=f"lacks 1 tensors of resnet10t, starting with {gone}"):
        load("timm:resnet10t", weights_dir=tmp_path)


@pytest.mark.parametrize("keep", [0, 50, 5000])
def test_a_cut_file_is_named(keep, tmp_path: Path):
    path = tmp_path / "model.safetensors"
    write("resnet10t", path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(MolreError, match="is not a safetensors file"):
        load("timm:resnet10t", weights_dir=tmp_path)


def test_pickled_weights_are_not_opened(tmp_path: Path):
    network = write("resnet10t", tmp_path / "other" / "x.safetensors")
    torch.save(network.state_dict(), tmp_path / "resnet10t.pth")
    torch.save(network.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(MolreError, match="is not a safetensors file"):
        load("timm:resnet10t", weights_dir=tmp_path)
