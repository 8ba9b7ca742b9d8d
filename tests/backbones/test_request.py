"""A backbone as it is asked for, whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from molre.backbones.contract import Contract
from molre.backbones.request import BackboneRequest
from molre.errors import MolreError

SMALL = BackboneRequest("efficientnet_lite0", contract=Contract(size=32))


def test_it_crosses_to_another_process_as_json(tmp_path: Path) -> None:
    asked = BackboneRequest(
        "efficientnet_lite0", str(tmp_path), Contract(size=32), True, True, "cuda:1", "bfloat16"
    )
    for one in (asked, SMALL, BackboneRequest("small3d")):
        assert BackboneRequest.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    with pytest.raises(MolreError, match="small3d reads whole volumes"):
        BackboneRequest.from_dict(SMALL.to_dict() | {"name": "small3d"})


@pytest.mark.parametrize(
    ("device", "wanted", "computes"),
    [("cpu", "auto", "float32"), ("cuda", "auto", "bfloat16"), ("cpu", "bfloat16", "bfloat16")],
)
def test_what_it_computes_in_follows_the_device(device: str, wanted: str, computes: str) -> None:
    asked = BackboneRequest(SMALL.name, contract=SMALL.contract, device=device, precision=wanted)
    backbone = asked.load()
    assert (backbone.precision, backbone.contract) == (computes, SMALL.contract)
    assert next(backbone.parameters()).device.type == "cpu"


def test_weights_are_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert BackboneRequest("x", "weights").absolute().weights_dir == str(tmp_path / "weights")
    assert BackboneRequest("x").absolute() == BackboneRequest("x")


def test_a_shared_copy_has_the_same_weights_and_modules_of_its_own() -> None:
    backbone = SMALL.load()
    other = backbone.shared_copy()
    for one, copied in zip(backbone.parameters(), other.parameters(), strict=True):
        assert one is copied
    pixels = torch.randn(1, 3, 32, 32)
    before = other(pixels).pooled
    last = list(backbone.network.children())[-1]
    last.register_forward_hook(lambda module, given, out: out + 1)
    assert not torch.equal(backbone(pixels).pooled, before)
    assert torch.equal(other(pixels).pooled, before)
