"""A model folder is read whole and unchanged, or not at all, with a sentence why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from molre.errors import MolreError
from molre.model import folder
from molre.model.build import ClassifierSpec, build_classifier
from molre.model.familiarity import fit_familiarity
from molre.model.folder import (
    BackboneEntry,
    FindingEntry,
    ModelDescription,
    Threshold,
    TrainedModel,
    answer,
)

DIM = 12


def trained(adapter: str = "molre") -> TrainedModel:
    torch.manual_seed(0)
    spec = ClassifierSpec(dim=DIM, findings=2, adapter=adapter, r=2, bank_size=4)  # type: ignore[arg-type]
    classifier = build_classifier(spec).eval()
    for parameter in classifier.parameters():
        torch.nn.init.normal_(parameter)
    scan = torch.randn(3, DIM)
    description = ModelDescription(
        molre_version="0",
        arm="molre",
        placement="slice",
        seed=0,
        findings=[
            FindingEntry(id="a", name="A", category="trauma"),
            FindingEntry(id="b", name="B", category="chronic"),
        ],
        backbone=BackboneEntry(
            name="x", dim=DIM, parameters=5, contract={}, contract_hash="c", weights={"sha256": "w"}
        ),
        classifier=spec,
        slope=1.5,
        intercepts=[0.1, -0.1],
        calibrated=[True, False],
        thresholds={"a": Threshold(value=0.4, origin="calibrate split")},
        calibrate_positives=[9, 1],
        calibrate_negatives=[9, 30],
        trained_on="synthetic phantoms",
        synthetic=True,
        studies={"train": 10},
        license="Apache-2.0",
    )
    familiarity = fit_familiarity(torch.randn(20, 2 * DIM), torch.randn(8, 2 * DIM))
    return TrainedModel(
        description, classifier, familiarity, (scan, answer(classifier, scan)), torch.ones(1, DIM)
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder.save(trained(), tmp_path / "model", "# card\n")
    return tmp_path / "model"


@pytest.mark.parametrize("adapter", ["none", "bottleneck", "molre", "molre_shuffled"])
def test_round_trip_answers_bit_for_bit(tmp_path: Path, adapter: str) -> None:
    model = trained(adapter)
    folder.save(model, tmp_path / "m", "# card\n")
    torch.manual_seed(99)  # another random state: weights must come from the file
    loaded = folder.load(tmp_path / "m")
    scan = torch.randn(5, DIM)
    assert torch.equal(answer(loaded.classifier, scan), answer(model.classifier, scan))
    assert loaded.description == model.description
    assert loaded.calibration.thresholds[0] == 0.4
    summary = torch.randn(1, 2 * DIM)
    ours, theirs = loaded.familiarity.distance(summary), model.familiarity.distance(summary)
    assert torch.allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors", "README.md", "checksums.json"])
def test_a_flipped_byte_in_any_file_is_found_and_named(saved: Path, name: str) -> None:
    path = saved / name
    original = path.read_bytes()
    for position in (0, len(original) // 2, len(original) - 1):
        data = bytearray(original)
        data[position] ^= 1
        path.write_bytes(bytes(data))
        with pytest.raises(MolreError, match=name):
            folder.load(saved)
    path.write_bytes(original)
    folder.load(saved)


def test_a_newer_format_is_refused_by_version(saved: Path) -> None:
    path = saved / "checksums.json"
    seal = json.loads(path.read_text())
    seal["format_version"] = 99
    path.write_text(json.dumps(seal))
    with pytest.raises(MolreError, match=r"99 is newer .* Upgrade molre"):
        folder.load(saved)


@pytest.mark.parametrize("name", folder.FILES)
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(MolreError, match=name):
        folder.load(saved)


def test_wrong_folders_get_directions(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(MolreError, match="run folder"):
        folder.load(saved.parent)
    with pytest.raises(MolreError, match="no such"):
        folder.load(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MolreError, match="not a model folder"):
        folder.load(tmp_path / "empty")


def test_a_classifier_that_answers_otherwise_fails_its_self_test(tmp_path: Path) -> None:
    model = trained()
    scan, logits = model.self_test
    wrong = TrainedModel(
        model.description, model.classifier, model.familiarity, (scan, logits + 1), model.probe
    )
    folder.save(wrong, tmp_path / "m", "# card\n")
    with pytest.raises(MolreError, match="self-test"):
        folder.load(tmp_path / "m")
