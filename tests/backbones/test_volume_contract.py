"""The contract of volumes: its fields, what it refuses, and how it is told from that of slices."""

from __future__ import annotations

import json

import pytest
import yaml

from molre.backbones.catalogue import contract_from_dict as of_backbone
from molre.backbones.catalogue import load, presets
from molre.backbones.contract import Contract
from molre.backbones.contract_kind import check_kind, contract_from_dict, read_contract
from molre.backbones.volume_contract import VolumeContract
from molre.errors import MolreError
from molre.training.config import resolve

PLAIN = {"shape": [32, 64, 64], "spacing": [5, 2, 2]}
OTHER = {
    "shape": (32, 64, 32),
    "orientation": "RAS",
    "spacing": (4.0, 2.0, 2.0),
    "order": 3,
    "average": False,
    "foreground": 0.0,
    "square": True,
    "resize": (32, 64, 64),
    "resampling": ("area", "antialias", "antialias"),
    "windows": ((40, 90), (80, 200), (600, 2800)),
    "mean": (0.5, 0.0, 0.0),
    "std": (0.5, 1.0, 1.0),
}


@pytest.mark.parametrize("field", OTHER)
def test_every_field_changes_the_hash(field: str):
    assert VolumeContract(**PLAIN).hash != VolumeContract(**{**PLAIN, field: OTHER[field]}).hash


def test_every_field_is_tried_above_but_the_one_with_a_single_value():
    assert set(VolumeContract.model_fields) - set(OTHER) == {"kind"}


def test_the_hash_of_a_contract_that_models_were_made_with_stays():
    assert presets()["fm_headct"].contract.hash.startswith("6568a1e8c5ebddca")
    assert presets()["small3d"].contract.hash.startswith("3b8c76047e7eebda")


@pytest.mark.parametrize("name", [n for n, p in presets().items() if p.kind == "3d"])
def test_it_survives_json_and_yaml(name: str, tmp_path):
    contract = presets()[name].contract
    assert contract_from_dict(json.loads(json.dumps(contract.to_dict()))) == contract
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(contract.to_dict()))
    assert read_contract(path) == contract
    assert of_backbone(name, contract.to_dict()) == contract
    assert resolve(None, contract=contract.to_dict()).contract == contract


def test_windows_by_name_and_one_resampling_for_all_axes():
    contract = VolumeContract.from_dict(
        {**PLAIN, "windows": ["brain", "blood", [600, 2800]], "resampling": "area"}
    )
    assert contract.windows == ((40, 80), (80, 200), (600, 2800))
    assert contract.resampling == ("area", "area", "area")
    assert contract.pixel_shape == (3, 32, 64, 64)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shap": [1, 2, 3]}, "unknown contract key 'shap'. Did you mean 'shape'"),
        ({"shape": [32, 64]}, "contract shape.*"),
        ({"shape": [0, 64, 64]}, "contract shape.0: .*greater than or equal to 1"),
        ({"spacing": [5, -2, 2]}, "contract spacing.1: .*greater than 0"),
        ({"spacing": None}, "the contract has neither spacing nor resize"),
        ({"orientation": "RSA2"}, "the contract has orientation 'RSA2', which must have one"),
        ({"orientation": "RLS"}, "the contract has orientation 'RLS', which must have one letter"),
        ({"windows": ["brain"]}, "the contract has 1 windows, 3 means and 3 stds"),
        ({"windows": ["brian"]}, "unknown window 'brian'. Did you mean 'brain'"),
        ({"order": 2}, "contract order: "),
        ({"resampling": "cubic"}, "contract resampling.0: "),
        ({"foreground": float("nan")}, "contract foreground: "),
    ],
)
def test_what_makes_no_contract_is_said_in_one_sentence(values, said: str):
    with pytest.raises(MolreError, match=f"here.yaml: {said}"):
        VolumeContract.from_dict({**PLAIN, **values}, "here.yaml")


def test_slices_and_volumes_are_told_apart():
    assert isinstance(contract_from_dict({}), Contract)
    assert isinstance(contract_from_dict({"size": 224}), Contract)
    assert isinstance(contract_from_dict(PLAIN), VolumeContract)
    assert isinstance(contract_from_dict({"kind": "3d", **PLAIN}), VolumeContract)
    with pytest.raises(MolreError, match="unknown contract key 'shape'"):
        contract_from_dict({"size": 224, "shape": [1, 2, 3]})


def test_a_contract_of_the_other_kind_is_refused():
    volumes, slices = VolumeContract(**PLAIN), Contract()
    check_kind("it", "3d", volumes)
    check_kind("it", "2d", slices)
    with pytest.raises(MolreError, match=r"^efficientnet_lite0 reads slices, but the contract is"):
        load("efficientnet_lite0", contract=volumes)
    with pytest.raises(MolreError, match=r"^small3d reads volumes, but the contract is not for"):
        load("small3d", contract=slices)
    for name, contract in (("efficientnet_lite0", volumes), ("small3d", slices)):
        with pytest.raises(MolreError, match=rf"^{name} reads .*, but the contract is for .*\."):
            of_backbone(name, contract.to_dict())
