"""What is asked before a published backbone is read, and each refusal in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers as hf

from molre.backbones import preset_weights, weight_files
from molre.backbones.catalogue import load, presets
from molre.backbones.contract import Contract
from molre.backbones.preset_weights import available_memory, load_preset
from molre.errors import MolreError
from molre.files import sha256
from tests.helpers.backbones.checkpoints import narrow

GATED = [name for name, preset in presets().items() if preset.gate]
UNVERIFIED = [name for name, preset in presets().items() if not preset.verified]
CONTRACT = Contract(size=28)


@pytest.fixture
def network() -> hf.PreTrainedModel:
    config = hf.Dinov2Config(hidden_size=32, num_hidden_layers=1, num_attention_heads=2)
    return hf.Dinov2Model(config)


def sentence(caught: pytest.ExceptionInfo[MolreError]) -> str:
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("name", UNVERIFIED)
def test_unverified_ones_ask_first_and_say_why(name: str, tmp_path: Path):
    preset = presets()[name]
    with pytest.raises(MolreError) as caught:
        load(name, weights_dir=tmp_path, trust_remote_code=True)
    assert f"{name} is not verified: {preset.unverified}" in sentence(caught)
    assert "--unverified" in sentence(caught)


def test_remote_code_asks_for_both(tmp_path: Path):
    remote = replace(presets()["dinov2_base"], remote_code=True, unverified="nobody looked")
    for given in ({}, {"unverified": True}, {"trust_remote_code": True}):
        with pytest.raises(MolreError, match="give --unverified --trust-remote-code|Give"):
            load_preset(remote, tmp_path, **given)
    with pytest.raises(MolreError, match="does not hold the files"):
        load_preset(remote, tmp_path, unverified=True, trust_remote_code=True)


@pytest.mark.parametrize("name", GATED)
def test_gated_weights_that_are_absent(name: str, tmp_path: Path):
    preset = presets()[name]
    consent = {"unverified": True, "trust_remote_code": True}
    for folder in (None, tmp_path):
        with pytest.raises(MolreError) as caught:
            load(name, weights_dir=folder, **consent)
        said = sentence(caught)
        assert f"after accepting the terms ({preset.license}) at {preset.gate}" in said
        assert name in said
        assert folder or "--weights-dir" in said


def test_open_weights_that_are_absent_say_where_they_are():
    with pytest.raises(MolreError, match="--weights-dir, from https://huggingface.co/timm/vit_b"):
        load("dinov3_base")


@pytest.mark.parametrize("place", ["", "dinov2_base", "dinov2-base", "facebook/dinov2-base"])
def test_weights_dir_is_searched(place: str, network, tmp_path: Path):
    network.save_pretrained(tmp_path / place)
    backbone = load_preset(narrow("dinov2_base", network), tmp_path, CONTRACT)
    assert backbone.weights.sha256 == sha256(tmp_path / place / "model.safetensors")
    assert str(tmp_path) not in str(backbone.weights)
    assert backbone.weights.license == "Apache-2.0"


def test_a_backbone_knows_whether_its_contract_is_verified(network, tmp_path: Path):
    network.save_pretrained(tmp_path)
    preset = replace(narrow("dinov2_base", network), contract=CONTRACT)
    assert load_preset(preset, tmp_path).contract_verified is True
    assert load_preset(preset, tmp_path, CONTRACT).contract_verified is True
    guessed = replace(preset, unverified="nobody knows")
    assert load_preset(guessed, tmp_path, unverified=True).contract_verified is False
    assert load_preset(preset, tmp_path, Contract(size=42)).contract_verified is None


def test_another_hash(network, tmp_path: Path):
    network.save_pretrained(tmp_path)
    pinned = replace(narrow("dinov2_base", network), sha256={"model.safetensors": "ab" * 32})
    with pytest.raises(
        MolreError, match="is not the file that dinov2_base was pinned to"
    ) as caught:
        load_preset(pinned, tmp_path, CONTRACT)
    assert "model.safetensors" in sentence(caught)
    right = {"model.safetensors": sha256(tmp_path / "model.safetensors")}
    assert load_preset(replace(pinned, sha256=right), tmp_path, CONTRACT).dim == 32


COMMIT, OTHER = "1" * 40, "2" * 40


def in_the_hubs_cache(folder: Path, commit: str) -> Path:
    return folder / "models--facebook--dinov2-base" / "snapshots" / commit


def downloaded(folder: Path, commit: str) -> Path:
    """As `hf download --local-dir` leaves it."""
    record = folder / ".cache" / "huggingface" / "download" / "model.safetensors.metadata"
    record.parent.mkdir(parents=True)
    record.write_text(f"{commit}\n{'0' * 64}\n1700000000.0\n")
    return folder


@pytest.mark.parametrize("layout", [in_the_hubs_cache, downloaded])
def test_another_revision(layout, network, tmp_path: Path):
    folder = layout(tmp_path, OTHER)
    network.save_pretrained(folder)
    free = narrow("dinov2_base", network)
    assert load_preset(free, folder, CONTRACT).weights.revision == OTHER
    with pytest.raises(
        MolreError, match="is revision 222222222222 of facebook/dinov2-base"
    ) as caught:
        load_preset(replace(free, revision=COMMIT), folder, CONTRACT)
    assert COMMIT in sentence(caught)
    assert load_preset(replace(free, revision=OTHER), folder, CONTRACT).dim == 32


def test_the_pinned_revision_is_the_one_that_is_fetched(network, tmp_path: Path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for commit in (COMMIT, OTHER):
        network.save_pretrained(in_the_hubs_cache(tmp_path, commit))
    pinned = replace(narrow("dinov2_base", network), revision=OTHER)
    assert load_preset(pinned, None, CONTRACT).weights.revision == OTHER
    with pytest.raises(MolreError, match="are not on this machine and cannot be fetched"):
        load_preset(replace(pinned, revision="3" * 40), None, CONTRACT)


def test_too_little_memory_says_need_and_have(network, tmp_path: Path, monkeypatch):
    network.save_pretrained(tmp_path)
    big = replace(narrow("dinov2_base", network), parameters=10**15)
    with pytest.raises(
        MolreError, match=r"needs 3725290\.3 GiB .* and \d+\.\d GiB are free"
    ) as caught:
        load_preset(big, tmp_path, CONTRACT)
    assert "list backbones" in sentence(caught)


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch):
    limit, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(preset_weights, "CGROUP_LIMITS", (str(limit), str(used)))
    limit.write_text("5000\n")
    used.write_text("1000\n")
    assert available_memory() == 4000
    limit.write_text("max\n")
    assert available_memory() > 4000


def test_a_smaller_network_of_the_same_kind_is_another(network, tmp_path: Path):
    network.save_pretrained(tmp_path)
    unpinned = replace(presets()["dinov2_base"], sha256={}, revision=None)
    with pytest.raises(MolreError, match=r"parameters, dinov2_base has 86,580,480"):
        load_preset(unpinned, tmp_path, CONTRACT)


@pytest.mark.parametrize("patch", [0, -1, "x", [14, 14], None, {}])
def test_a_configuration_of_no_network_is_one_sentence(patch, network, tmp_path: Path):
    network.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**values, "patch_size": patch}))
    with pytest.raises(MolreError) as caught:
        load_preset(narrow("dinov2_base", network), tmp_path, CONTRACT)
    assert str(tmp_path) in sentence(caught)


def test_a_configuration_brings_an_architecture_and_nothing_else(network, tmp_path: Path):
    """No code, no quantiser and no attention kernel that it names is looked for."""
    network.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    values |= {"auto_map": {"AutoModel": "evil.Model"}, "attn_implementation": "somebody/kernel"}
    values |= {"_attn_implementation": "somebody/kernel"}
    values |= {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}
    (tmp_path / "config.json").write_text(json.dumps(values))
    found = load_preset(narrow("dinov2_base", network), tmp_path, CONTRACT).network
    assert found.config._attn_implementation in ("sdpa", "eager")
    assert {p.dtype for p in found.parameters()} == {torch.float32}


def test_files_of_a_shard_list_stay_in_their_folder(tmp_path: Path):
    """An index that points elsewhere is read as names within the folder."""
    (tmp_path / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "../../elsewhere.safetensors"}}'
    )
    assert weight_files.checkpoint_files(tmp_path) == [tmp_path / "elsewhere.safetensors"]


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": []}'])
def test_an_index_that_is_none(text: str, tmp_path: Path):
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(MolreError, match="is not an index of shards"):
        weight_files.checkpoint_files(tmp_path)


def test_weights_become_float32_and_frozen(network, tmp_path: Path):
    network.half().save_pretrained(tmp_path)
    backbone = load_preset(narrow("dinov2_base", network), tmp_path, CONTRACT)
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in backbone.parameters())
