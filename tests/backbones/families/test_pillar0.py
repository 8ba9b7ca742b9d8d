"""Pillar-0 for head CT: refused until it is asked for twice, then read by a checkpoint's own code.

The published code is not at hand. The checkpoint here carries code that the test has written, with
the one method that the published evaluation calls.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file

from molre.arms.sites import last_blocks
from molre.backbones.catalogue import load, presets
from molre.backbones.families.pillar0 import CONTRACT_FILE, FORM, NAME
from molre.backbones.volume_contract import VolumeContract
from molre.errors import MolreError
from tests.helpers.backbones.checkpoints import pixels

CODE = """
import torch
from transformers import PretrainedConfig, PreTrainedModel


class AtlasConfig(PretrainedConfig):
    model_type = "clip_multimodal_atlas"

    def __init__(self, width=6, windows=11, modalities=(), **options):
        self.width, self.windows, self.modalities = width, windows, list(modalities)
        super().__init__(**options)


class Atlas(PreTrainedModel):
    config_class = AtlasConfig

    def __init__(self, config):
        super().__init__(config)
        self.patch = torch.nn.Conv3d(config.windows, config.width, 8, 8)
        self.post_init()

    def extract_vision_feats(self, image=None):
        (name, volume), = image.items()
        assert name in self.config.modalities, name
        return torch.nn.functional.normalize(self.patch(volume).amax((2, 3, 4)), dim=-1)
"""
SMALL = FORM.model_copy(update={"shape": (16, 24, 24)})
AGREED = {"unverified": True, "trust_remote_code": True}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkpoint with its code; transformers keeps copies of code apart from the user's."""
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    path = tmp_path / "weights"
    path.mkdir()
    (path / "modeling_atlas.py").write_text(CODE)
    configure(path)
    generator = torch.Generator().manual_seed(0)
    state = {
        "patch.weight": torch.randn(6, 11, 8, 8, 8, generator=generator),
        "patch.bias": torch.randn(6, generator=generator),
    }
    save_file(state, path / "model.safetensors", metadata={"format": "pt"})
    return path


def configure(path: Path, **changed: object) -> None:
    auto = {"AutoConfig": "modeling_atlas.AtlasConfig", "AutoModel": "modeling_atlas.Atlas"}
    facts = {"model_type": "clip_multimodal_atlas", "architectures": ["Atlas"], "auto_map": auto}
    facts |= {"width": 6, "windows": 11, "modalities": ["head_ct"]} | changed
    (path / "config.json").write_text(json.dumps(facts))


def test_it_is_refused_without_both_consents(folder: Path):
    wanted = r"^pillar0_headct is not verified: .* Give --unverified --trust-remote-code to use it"
    for given in ({}, {"unverified": True}, {"trust_remote_code": True}):
        with pytest.raises(MolreError, match=wanted):
            load(NAME, weights_dir=folder, contract=SMALL, **given)


def test_no_code_runs_before_consent(folder: Path, tmp_path: Path):
    trace = tmp_path / "it-ran"
    (folder / "modeling_atlas.py").write_text(f"open({str(trace)!r}, 'w').close()\n{CODE}")
    with pytest.raises(MolreError, match="is not verified"):
        load(NAME, weights_dir=folder, contract=SMALL, unverified=True)
    assert not trace.exists()
    load(NAME, weights_dir=folder, contract=SMALL, **AGREED)
    assert trace.exists()


def test_its_own_code_gives_the_embedding(folder: Path):
    backbone = load(NAME, weights_dir=folder, contract=SMALL, **AGREED)
    volumes = pixels(backbone)
    patch = backbone.network.patch
    expected = torch.nn.functional.conv3d(volumes, patch.weight, patch.bias, stride=8)
    expected = expected.amax((2, 3, 4))
    with torch.inference_mode():
        got = backbone(volumes)
    assert torch.allclose(got.pooled, expected / expected.norm(dim=1, keepdim=True), atol=1e-6)
    assert got.tokens is None
    assert (backbone.dim, backbone.kind) == (6, "3d")
    assert not any(p.requires_grad for p in backbone.parameters())


def test_other_code_is_another_backbone(folder: Path):
    first = load(NAME, weights_dir=folder, contract=SMALL, **AGREED).weights.sha256
    (folder / "modeling_atlas.py").write_text(CODE.replace("amax", "amin"))
    assert load(NAME, weights_dir=folder, contract=SMALL, **AGREED).weights.sha256 != first


def test_its_contract_comes_with_the_checkpoint_or_from_the_user(folder: Path):
    with pytest.raises(MolreError, match=r"which 11 windows pillar0_headct takes is not published"):
        load(NAME, weights_dir=folder, **AGREED)
    (folder / CONTRACT_FILE).write_text(yaml.safe_dump(SMALL.to_dict()))
    assert load(NAME, weights_dir=folder, **AGREED).contract == SMALL
    (folder / CONTRACT_FILE).write_text("size: 224\n")
    with pytest.raises(MolreError, match="reads whole volumes, but the contract is for slices"):
        load(NAME, weights_dir=folder, **AGREED)


def test_a_contract_of_other_windows_is_refused(folder: Path):
    other = VolumeContract(shape=(16, 24, 24), spacing=(1, 1, 1))
    with pytest.raises(MolreError, match=r"its code does not take a volume of 3 x 16 x 24 x 24"):
        load(NAME, weights_dir=folder, contract=other, **AGREED)


@pytest.mark.parametrize(
    ("modalities", "said"),
    [
        (["chest_ct"], "names neither head_ct nor brain_ct"),
        (["head_ct", "brain_ct"], "names head_ct and brain_ct"),
    ],
)
def test_a_configuration_that_leaves_head_ct_open_is_refused(folder: Path, modalities, said: str):
    configure(folder, modalities=modalities)
    with pytest.raises(MolreError, match=rf"config.json: {said}, so molre does not know"):
        load(NAME, weights_dir=folder, contract=SMALL, **AGREED)


def test_the_other_spelling_is_taken(folder: Path):
    configure(folder, modalities=["brain_ct"])
    assert load(NAME, weights_dir=folder, contract=SMALL, **AGREED).dim == 6


def test_code_that_breaks_is_said_in_one_sentence(folder: Path):
    (folder / "modeling_atlas.py").write_text("import a_package_that_nobody_has\n")
    with pytest.raises(MolreError, match=r"its own code cannot be loaded \(ImportError: "):
        load(NAME, weights_dir=folder, contract=SMALL, **AGREED)
    (folder / "modeling_atlas.py").write_text(CODE.replace("extract_vision_feats", "forward"))
    with pytest.raises(MolreError, match="has no extract_vision_feats"):
        load(NAME, weights_dir=folder, contract=SMALL, **AGREED)


def test_molre_inside_it_is_not_applicable_where_nothing_is_known_to_route(folder: Path):
    backbone = load(NAME, weights_dir=folder, contract=SMALL, **AGREED)
    with pytest.raises(MolreError, match=r"^not applicable at placement blocks"):
        last_blocks(backbone.network, 0.5, 6, 8, 32)


def test_what_is_documented_of_it():
    preset = presets()[NAME]
    assert preset.contract.pixel_shape == (11, 128, 256, 256)
    assert preset.parameters == 0  # not published
    assert preset.remote_code
    assert not preset.verified
    with pytest.raises(MolreError, match="is not published apart from its weights"):
        preset.skeleton()
    assert replace(preset, unverified=None).verified
