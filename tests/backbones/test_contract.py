"""The input contract: equal hash, equal pixels; and sentences for what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from molre.backbones.contract import Contract
from molre.backbones.contract_kind import read_contract
from molre.errors import MolreError

OTHERS = {
    "size": 256,
    "windows": ((40, 80), (80, 200), (50, 350)),
    "mean": (0.5, 0.456, 0.406),
    "std": (0.229, 0.224, 0.5),
    "slab_mm": 2.5,
    "max_slices": 49,
    "resize": "image",
    "resampling": "bicubic",
    "gray_levels": 256,
    "normalization": "image",
}


@pytest.mark.parametrize("field", OTHERS)
def test_hash_changes_with_every_field(field):
    assert Contract(**{field: OTHERS[field]}).hash != Contract().hash


def test_every_field_is_tried_above_but_the_one_with_a_single_value():
    assert {*OTHERS, "orientation"} == set(Contract.model_fields)


def test_hash_of_a_contract_from_before_the_later_fields_is_what_it_was():
    """Models and caches on disk carry it."""
    assert Contract().hash == "6edcf7cd3679e15a82f0fdfea874b587755b1bf8cd1a66deaa8dc6a5162713f3"
    first = {
        key: OTHERS[key] for key in ("size", "windows", "mean", "std", "slab_mm", "max_slices")
    }
    assert (
        Contract(**first).hash == "1f5dab2c89c70d926287be639bafaf27e25cbf635ec01dd6079f398ddc94d53f"
    )


def test_hash_does_not_depend_on_how_numbers_are_written():
    assert Contract(windows=((40, 80),) * 3).hash == Contract(windows=((40.0, 80.0),) * 3).hash


def test_goes_through_json_and_back():
    contract = Contract(**OTHERS)
    again = Contract.from_dict(json.loads(json.dumps(contract.to_dict())))
    assert again == contract
    assert again.hash == contract.hash


def test_windows_by_name_from_a_file(tmp_path: Path):
    path = tmp_path / "contract.yaml"
    path.write_text("size: 448\nwindows: [stroke, [80, 200], bone]\n")
    contract = read_contract(path)
    assert contract.size == 448
    assert contract.windows == ((35, 40), (80, 200), (600, 2800))
    assert [w.low for w in contract.channels] == [15, -20, -800]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"sise": 224}, "Did you mean 'size'"),
        ({"windows": ["brian", "blood", "bone"]}, "Did you mean 'brain'"),
        ({"windows": ["brain"]}, "1 windows, 3 means and 3 stds"),
        ({"windows": [], "mean": [], "std": []}, "0 windows"),
        ({"windows": "brain"}, "windows"),
        ({"windows": 5}, "windows"),
        ({"windows": [[40, 0], [80, 200], [600, 2800]]}, "windows.0.1"),
        ({"std": [0, 1, 1]}, "std.0"),
        ({"mean": [float("nan"), 0, 0]}, "mean.0"),
        ({"size": 8}, "size"),
        ({"slab_mm": -1}, "slab_mm"),
        ({"max_slices": 0}, "max_slices"),
        ({"orientation": "LPS"}, "orientation"),
    ],
)
def test_what_does_not_fit_is_named(values, sentence):
    with pytest.raises(MolreError) as caught:
        Contract.from_dict(values)
    assert sentence in caught.value.message


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "size: [", "", "\x00"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text):
    path = tmp_path / "contract.yaml"
    path.write_text(text)
    with pytest.raises(MolreError, match="contract.yaml: (is not a mapping|cannot be read)"):
        read_contract(path)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(MolreError, match="(?i)no such file"):
        read_contract(tmp_path / "contract.yaml")


def test_the_spelling_of_older_contracts_is_read_and_their_hash_stays():
    old = {"size": 64, "resize": "picture", "grey_levels": 256, "normalisation": "picture"}
    contract = Contract.from_dict(old)
    assert contract == Contract(size=64, resize="image", gray_levels=256, normalization="image")
    assert contract == Contract.model_validate(old)  # as a run's configuration holds it
    assert contract.hash == "f524f5315fee89dfd53db9a368cfeecfac46743eedd5f32e5df3ded50122a922"
