"""Consent is asked for where a backbone is chosen; for code that comes with weights, every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import transformers as hf
from typer.testing import CliRunner

from molre import pipeline
from molre.backbones import catalogue
from molre.backbones.catalogue import load
from molre.cli.main import app
from molre.embedding.embed import probe
from molre.errors import MolreError
from molre.model import folder
from molre.output.run import card
from molre.training.write_run import backbone_entry
from tests.helpers.backbones.checkpoints import narrow
from tests.helpers.cli.ready import write_ready
from tests.model.test_folder import DIM, trained

NAME = "rad_dino"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch) -> Path:
    """A tiny checkpoint that the catalogue takes for an unverified backbone's."""
    config = {"hidden_size": DIM, "num_hidden_layers": 1, "num_attention_heads": 2}
    network = hf.Dinov2Model(hf.Dinov2Config(image_size=56, patch_size=14, **config))
    network.save_pretrained(tmp_path / NAME)
    contract = catalogue.presets()[NAME].contract.model_copy(update={"size": 56})
    tiny = replace(narrow(NAME, network), dim=DIM, contract=contract)
    monkeypatch.setitem(catalogue.presets(), NAME, tiny)
    return tmp_path


@pytest.fixture
def model(weights: Path) -> Path:
    """A model folder of that backbone."""
    backbone = load(NAME, weights_dir=weights, unverified=True)
    made = trained()
    entry = folder.BackboneEntry(
        name=NAME,
        dim=DIM,
        parameters=1,
        contract=backbone.contract.to_dict(),
        contract_hash=backbone.contract.hash,
        weights=backbone.weights.to_dict(),
    )
    described = made.description.model_copy(update={"backbone": entry})
    made = replace(made, description=described, probe=probe(backbone))
    folder.save(made, weights / "model", "# card\n")
    return weights / "model"


def test_a_model_predicts_without_being_asked_again(model: Path):
    reader = pipeline.load(model, weights_dir=model.parent)
    assert reader.backbone.name == NAME
    assert reader.backbone.contract.size == 56


def test_a_model_and_its_card_say_that_the_contract_is_a_guess(model: Path):
    backbone = load(NAME, weights_dir=model.parent, unverified=True)
    entry = backbone_entry(backbone)
    assert entry.contract_verified is False
    description = folder.load(model).description.model_copy(update={"backbone": entry})
    assert "contract is not verified" in "".join(card._guessed(description))
    known = entry.model_copy(update={"contract_verified": True})
    assert not card._guessed(description.model_copy(update={"backbone": known}))


def test_code_that_comes_with_weights_is_asked_for_again(model: Path, monkeypatch):
    remote = replace(catalogue.presets()[NAME], remote_code=True)
    monkeypatch.setitem(catalogue.presets(), NAME, remote)
    with pytest.raises(MolreError, match="--trust-remote-code"):
        pipeline.load(model, weights_dir=model.parent)
    assert pipeline.load(model, weights_dir=model.parent, trust_remote_code=True)


@pytest.mark.parametrize("verb", ["embed", "train"])
def test_a_verb_refuses_in_one_sentence_and_goes_on_with_consent(verb: str, weights: Path):
    cohort = write_ready(weights / "cohort", 20)
    out = ["-o", str(weights / "run")] if verb == "train" else []
    given = [verb, str(cohort), "--backbone", NAME, "--weights-dir", str(weights), *out]
    refused = CliRunner().invoke(app, given)
    assert isinstance(refused.exception, MolreError)
    assert f"{NAME} is not verified" in refused.exception.message
    assert not (weights / "run").exists()
    went_on = CliRunner().invoke(app, [*given, "--workers", "1", "--unverified"])
    assert "is not verified" not in went_on.output + str(went_on.exception)
    assert any((cohort / "embeddings").glob(f"{NAME}-*"))


def test_predict_takes_the_flag_for_code_alone(model: Path):
    given = ["predict", str(model), str(model / "none"), "-o", str(model.parent / "out")]
    given += ["--weights-dir", str(model.parent)]
    assert CliRunner().invoke(app, [*given, "--trust-remote-code"]).exit_code != 2
    unknown = CliRunner().invoke(app, [*given, "--unverified"])
    assert unknown.exit_code == 2
    assert "No such option" in unknown.output
