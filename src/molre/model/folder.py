"""The model folder: what predicts, whole or not at all, and never silently changed.

model.json           what it is: findings in order, backbone, contract, calibrators, thresholds
model.safetensors    classifier, familiarity and self-test tensors
adapter/             what was trained in the backbone's blocks, in peft's layout (placement blocks)
network.safetensors  the whole trained backbone instead (arm full)
README.md            model card; written again when the model is evaluated
checksums.json       SHA-256 of the files above and of itself; a flipped byte is found on load

The model's name is the hash over all files but the card, so that results change no model.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from molre import files
from molre.backbones.catalogue import contract_from_dict
from molre.backbones.precision import Precision
from molre.backbones.request import BackboneRequest
from molre.errors import MolreError
from molre.model.adapted_backbone import ADAPTER_FILES, NETWORK_FILE, AdaptedBackbone
from molre.model.build import BlocksKind, ClassifierSpec, build_classifier
from molre.model.calibration import Calibration
from molre.model.classifier import HeadCTClassifier
from molre.model.familiarity import Familiarity

FORMAT_VERSION = 3  # 2: adapters in the backbone's blocks; 3: the card is not part of the name
CARD = "README.md"
FILES = ("model.json", "model.safetensors", CARD)
TRAINED_FILES = (NETWORK_FILE, *(f"adapter/{name}" for name in ADAPTER_FILES))
SELF_TEST_TOLERANCE = 1e-3


class FindingEntry(BaseModel):
    """One finding a model was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    category: str


class Threshold(BaseModel):
    """A decision threshold on the probability scale and where it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    origin: str


class BackboneEntry(BaseModel):
    """Which backbone a model needs: id and hash of its weights, never a path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dim: int
    parameters: int
    contract: dict[str, Any]
    contract_hash: str
    weights: dict[str, Any]
    precision: Precision = "float32"
    contract_verified: bool | None = None

    def request(self, **more: Any) -> BackboneRequest:
        """As it is to be loaded again; whoever trained the model took it as it is.

        Args:
            more: ``weights_dir``, ``device`` and ``trust_remote_code``, which no model holds.

        Raises:
            MolreError: a contract that the backbone does not take.
        """
        contract = contract_from_dict(self.name, self.contract)
        known = replace(BackboneRequest(self.name, **more), contract=contract)
        return replace(known, unverified=True, precision=self.precision)


class ModelDescription(BaseModel):
    """The contents of ``model.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = FORMAT_VERSION
    molre_version: str
    arm: str
    placement: str
    seed: int
    findings: list[FindingEntry]
    backbone: BackboneEntry
    classifier: ClassifierSpec
    blocks: BlocksKind = "none"
    slope: float
    intercepts: list[float]
    calibrated: list[bool]
    thresholds: dict[str, Threshold]
    calibrate_positives: list[int]
    calibrate_negatives: list[int]
    trained_on: str
    synthetic: bool
    studies: dict[str, int]
    license: str

    @property
    def calibration(self) -> Calibration:
        """The calibrators as arrays."""
        thresholds = [
            self.thresholds[f.id].value if f.id in self.thresholds else np.nan
            for f in self.findings
        ]
        return Calibration(
            self.slope,
            np.array(self.intercepts),
            np.array(self.calibrated),
            np.array(thresholds),
            np.array(self.calibrate_positives),
            np.array(self.calibrate_negatives),
        )


@dataclass(frozen=True)
class TrainedModel:
    """Everything a model folder holds, in memory.

    ``self_test`` is (embedding float32 (S, D), logits float32 (K,)): what the classifier must
    answer wherever it is loaded. ``probe`` is the backbone's embedding float32 (1, D) of a fixed
    synthetic slice, checked when the backbone is loaded beside it. ``bank`` is what the routers of
    the shuffled control see at placement blocks: for each layer float32 (M, d_in). ``adapted`` is
    there while a model is trained; a loaded one is adapted by :func:`molre.pipeline.load`.
    """

    description: ModelDescription
    classifier: HeadCTClassifier
    familiarity: Familiarity
    self_test: tuple[Tensor, Tensor]
    probe: Tensor
    sha256: str = ""
    bank: dict[str, Tensor] = field(default_factory=dict)
    adapted: AdaptedBackbone | None = None

    @property
    def calibration(self) -> Calibration:
        """The calibrators as arrays."""
        return self.description.calibration


def save(model: TrainedModel, folder: Path, card: str) -> None:
    """Write a model folder; the checksums come last, so an interrupted write cannot be loaded."""
    from safetensors.torch import save as to_bytes

    tensors = {f"classifier.{k}": v for k, v in model.classifier.state_dict().items()}
    tensors |= {f"familiarity.{k}": v for k, v in asdict(model.familiarity).items()}
    tensors |= {"self_test.embedding": model.self_test[0], "self_test.logits": model.self_test[1]}
    tensors["self_test.probe"] = model.probe
    tensors |= {f"bank.{k}": v for k, v in model.bank.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checksums.json").unlink(missing_ok=True)
    files.write_text(folder / "model.json", model.description.model_dump_json(indent=2) + "\n")
    blob = to_bytes({k: v.detach().cpu().contiguous() for k, v in tensors.items()})
    files.write_bytes(folder / "model.safetensors", blob)
    files.write_text(folder / CARD, card)
    names = (*FILES, *(model.adapted.save(folder) if model.adapted is not None else ()))
    files.write_text(folder / "checksums.json", _seal({n: files.sha256(folder / n) for n in names}))


def is_model(folder: Path) -> bool:
    """Whether a whole model is there; an external evaluation keeps its description only."""
    return (folder / "checksums.json").is_file()


def write_card(folder: Path, card: str) -> None:
    """Replace a model folder's card; the model and its name stay.

    A folder of an older format, whose name covers the card, is left as it is. A card that is
    damaged, as by a run killed in between, is repaired by this.

    Raises:
        MolreError: another file is missing or damaged, or the format is newer.
    """
    _check(folder, card=False)
    path = folder / "checksums.json"
    seal = json.loads(path.read_bytes())
    if seal["format_version"] < 3:
        return
    files.write_text(folder / CARD, card)
    sums = seal["files"] | {CARD: files.sha256(folder / CARD)}
    files.write_text(path, _seal(sums, seal["format_version"]))


def load(folder: Path) -> TrainedModel:
    """Read a model folder, check every byte and the self-test.

    Raises:
        MolreError: missing or damaged file, newer format, failed self-test.
    """
    from safetensors.torch import load_file

    sha256 = _check(folder)
    description = describe(folder / "model.json")
    tensors = load_file(folder / "model.safetensors")
    classifier = build_classifier(description.classifier)
    classifier.load_state_dict(part(tensors, "classifier."))
    classifier.eval()
    model = TrainedModel(
        description,
        classifier,
        Familiarity(**part(tensors, "familiarity.")),
        (tensors["self_test.embedding"], tensors["self_test.logits"]),
        tensors["self_test.probe"],
        sha256,
        part(tensors, "bank."),
    )
    _self_test(model, folder)
    return model


def answer(classifier: HeadCTClassifier, embedding: Tensor) -> Tensor:
    """Logits (K,) of one scan's embeddings (S, D), with every bank index 0."""
    slices = len(embedding)
    with torch.inference_mode():
        mask = torch.ones(1, slices, dtype=torch.bool)
        index = torch.zeros(1, slices, dtype=torch.long)
        return classifier(embedding.unsqueeze(0), mask, index).logits[0]


def _self_test(model: TrainedModel, folder: Path) -> None:
    embedding, expected = model.self_test
    got = answer(model.classifier, embedding)
    if not torch.allclose(got, expected, atol=SELF_TEST_TOLERANCE, rtol=1e-3):
        raise MolreError(
            "the model does not reproduce its own self-test answer here",
            where=folder,
            fix="check the torch installation with `molre doctor`",
        )


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, named without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def describe(path: Path) -> ModelDescription:
    """What a ``model.json`` says; its hash is not looked at.

    Raises:
        MolreError: it lacks something, or holds what it should not.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        return ModelDescription.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise MolreError(f"{place}: {first['msg']}", where=path, fix="train it again") from None


def _seal(sums: dict[str, str], version: int = FORMAT_VERSION) -> str:
    named = {name: sums[name] for name in sums if name != CARD or version < 3}
    own = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()
    return json.dumps({"format_version": version, "files": sums, "sha256": own}, indent=2)


def _check(folder: Path, card: bool = True) -> str:
    """Check every file against checksums.json; return the seal's own hash, the model's name."""
    if not folder.is_dir():
        raise MolreError("no such model folder", where=folder, fix="give RUN/model")
    if is_model(folder / "model"):
        raise MolreError(
            "this is a run folder", where=folder, fix=f"give its model: {folder / 'model'}"
        )
    damaged = "copy the folder again from its source, or train again"
    path = folder / "checksums.json"
    try:
        seal = json.loads(path.read_bytes())
        version, sums, own = seal["format_version"], seal["files"], seal["sha256"]
    except FileNotFoundError:
        raise MolreError(
            "not a model folder (no checksums.json)", where=folder, fix="give RUN/model"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise MolreError("is damaged", where=path, fix=damaged) from None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise MolreError(
            f"format version {version} is newer than this molre can read ({FORMAT_VERSION})",
            where=folder,
            fix="upgrade molre",
        )
    if _seal(sums, version).encode() != path.read_bytes():
        raise MolreError("is damaged (its own checksum does not match)", where=path, fix=damaged)
    trained = [name for name in TRAINED_FILES if name in sums]
    for name in (*FILES, *trained):
        if name == CARD and not card:
            continue
        if not (folder / name).is_file() or files.sha256(folder / name) != sums.get(name):
            raise MolreError(
                "is missing or damaged (checksum mismatch)", where=folder / name, fix=damaged
            )
    return str(own)
