"""The main path: read, window, embed, adapt, pool, score, say. About one screen per step.

A volume comes in (:mod:`molre.ct` has read it), a Prediction goes out (:mod:`molre.output`
writes it). Everything else is a detail of one of the lines in :meth:`Reader.reading`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

import molre
from molre.adapter.core import gate_entropy
from molre.device import usable
from molre.embedding.embed import probe
from molre.embedding.one_series import embed_volume
from molre.embedding.prepare import to_inputs
from molre.embedding.volume_pixels import WHOLE
from molre.errors import MolreError
from molre.model import adapted_backbone, folder
from molre.model.adapted_backbone import AdaptedBackbone
from molre.model.classifier import Scores, bank_indices
from molre.model.eligibility import ScanFacts, withhold_reasons
from molre.model.familiarity import summarize
from molre.model.prediction import (
    FindingScore,
    KeySlice,
    ModelUsed,
    Prediction,
    Routing,
    SeriesUsed,
)
from molre.model.reading import Reading

if TYPE_CHECKING:
    from molre.backbones.backbone import Backbone
    from molre.ct.volume import Volume
    from molre.model.calibration import Calibration

PROBE_SIMILARITY = 0.999
NOT_ESTIMATED = "no probabilities: all labels of the model's calibrate split were of one class"
NO_KEY_SLICE = "the backbone reads the volume as a whole, so no slice weighs more than another"


@dataclass(frozen=True, repr=False)
class Reader:
    """A trained model with its backbone: ``reader(volume)`` is a Prediction."""

    model: folder.TrainedModel
    backbone: Backbone
    adapted: AdaptedBackbone | None = None

    def __repr__(self) -> str:
        """What it is, without its weights."""
        d = self.model.description
        findings = ", ".join(entry.id for entry in d.findings[:3])
        more = f" and {len(d.findings) - 3} more" if len(d.findings) > 3 else ""
        return (
            f"Reader(arm {d.arm} at {d.placement} on {d.backbone.name}, trained on {d.trained_on}, "
            f"{len(d.findings)} findings: {findings}{more})"
        )

    def __call__(
        self, volume: Volume, *, even_if_withheld: bool = False, why: str = "the only series given"
    ) -> Prediction:
        """Predict one volume; see :meth:`reading`."""
        return self.reading(volume, even_if_withheld=even_if_withheld, why=why).prediction

    def reading(
        self, volume: Volume, *, even_if_withheld: bool = False, why: str = "the only series given"
    ) -> Reading:
        """Read one volume.

        Args:
            volume: a head CT series in HU.
            even_if_withheld: give probabilities though the status stays ``withheld``.
            why: why this series was chosen, for the record.
        """
        embeddings, index, block_gates = self.embed(volume)
        scores, distance = self.score(embeddings, volume.content_hash)
        reasons = withhold_reasons(
            ScanFacts.of_volume(volume),
            trained_on_synthetic=self.model.description.synthetic,
            distance=distance,
        )
        logits = scores.logits[0].double().numpy()
        probabilities = self.model.calibration.probabilities(logits)
        attention = scores.attention[0].float().numpy()
        shown = even_if_withheld or not reasons
        prediction = Prediction(
            molre_version=molre.__version__,
            status="withheld" if reasons else "scored",
            reasons=[reason.sentence for reason in reasons],
            study=volume.study_folder,
            series=SeriesUsed(
                series_uid=volume.acquisition.series_uid, slices=len(volume), why=why
            ),
            model=self.model_used(),
            findings=self._findings(volume, probabilities, attention, index) if shown else [],
            no_key_slice=NO_KEY_SLICE if self.backbone.kind == "3d" else None,
            routing=_routing(scores.gates if block_gates is None else block_gates),
            familiarity=round(distance, 4) if math.isfinite(distance) else None,
            quality=[*volume.notes, *([] if self.model.calibration.estimable else [NOT_ESTIMATED])],
            synthetic=volume.acquisition.synthetic or self.model.description.synthetic,
            scan_synthetic=volume.acquisition.synthetic,
            pixel_sha256=volume.pixel_hash,
        )
        return Reading(prediction, volume, probabilities, attention, index, reasons)

    def embed(self, volume: Volume) -> tuple[torch.Tensor, np.ndarray, torch.Tensor | None]:
        """Embeddings, their slices, and the gates (1, S', E) of the last routed layer."""
        if self.adapted is None:
            return *embed_volume(volume, self.backbone), None
        pixels, index = to_inputs(volume, self.backbone.contract)
        bank = bank_indices(volume.content_hash, len(pixels), self.model.description.seed)
        embeddings, gates = self.adapted.embed(pixels, bank)
        return embeddings, index, None if gates is None else gates[None, :, -1]

    def score(self, embeddings: torch.Tensor, content_hash: str) -> tuple[Scores, float]:
        """Scores of one scan, and its distance from the training scans over the threshold."""
        classifier, slices = self.model.classifier, len(embeddings)
        bank = bank_indices(content_hash, slices, self.model.description.seed)
        with torch.inference_mode():
            # the cache keeps half precision, and training saw that
            scan = embeddings.half().float()
            mask = torch.ones(1, slices, dtype=torch.bool)
            scores = classifier(scan.unsqueeze(0), mask, bank.unsqueeze(0))
            summary = summarize(classifier.normalize(scan)).unsqueeze(0)
        familiarity = self.model.familiarity
        return scores, float(familiarity.distance(summary)[0] / familiarity.threshold)

    def _findings(
        self, volume: Volume, probabilities: np.ndarray, attention: np.ndarray, index: np.ndarray
    ) -> list[FindingScore]:
        d, calibration = self.model.description, self.model.calibration
        key = index[attention.argmax(axis=0)]
        scores = []
        for k, entry in enumerate(d.findings):
            threshold = d.thresholds.get(entry.id)
            scores.append(
                FindingScore(
                    id=entry.id,
                    name=entry.name,
                    category=entry.category,
                    probability=_estimated(probabilities[k], calibration),
                    calibrated=bool(calibration.calibrated[k]),
                    threshold=threshold.value if threshold else None,
                    key_slice=_key_slice(volume, int(key[k])),
                )
            )
        return scores

    def model_used(self) -> ModelUsed:
        """What an answer says of the model."""
        d = self.model.description
        return ModelUsed(
            arm=d.arm,
            placement=d.placement,
            backbone=d.backbone.name,
            weights_sha256=str(d.backbone.weights["sha256"]),
            model_sha256=self.model.sha256,
            trained_on=d.trained_on,
        )


def load(
    model: str | Path,
    *,
    weights_dir: str | Path | None = None,
    device: str = "cpu",
    trust_remote_code: bool = False,
    backbone: Backbone | None = None,
) -> Reader:
    """Load a model folder and its backbone; the result is callable on a Volume.

    Args:
        model: RUN/model.
        weights_dir: folder with the backbone's weights, where they are not installed.
        device: torch device for the backbone, or ``auto``.
        trust_remote_code: let code run that comes with the backbone's weights.
        backbone: its backbone, loaded already; changed in place where the model adapts its blocks.

    Raises:
        MolreError: no such device, damaged or newer model folder, missing or other backbone
            weights.

    Examples:
        >>> import molre
        >>> reader = molre.load("runs/molre-0/model")
        >>> prediction = reader(molre.read("phantoms/study_00000"))
        >>> prediction.model.arm, prediction.synthetic
        ('molre', True)
    """
    device = usable(device)
    trained = folder.load(Path(model))
    entry = trained.description.backbone
    request = entry.request(
        weights_dir=weights_dir, device=device, trust_remote_code=trust_remote_code
    )
    # one that has served elsewhere may lie on a device, and the self-test is answered on a CPU
    backbone = request.load() if backbone is None else backbone.cpu()
    if backbone.weights.sha256 != entry.weights["sha256"]:
        raise MolreError(
            f"the weights of {entry.name} are not those the model was trained on "
            f"(SHA-256 {backbone.weights.sha256[:12]}, needs {entry.weights['sha256'][:12]})",
            where=model,
            fix="give the folder with the right ones: --weights-dir",
        )
    if backbone.contract != request.contract:
        raise MolreError(f"{entry.name} expects other pixels than in training", where=model)
    backbone.precision = entry.precision
    kind, adapted = trained.description.blocks, None
    if kind != "none":
        adapted = adapted_backbone.load(backbone, Path(model), kind, trained.bank)
    got = probe(backbone)
    if float(torch.cosine_similarity(got, trained.probe).min()) < PROBE_SIMILARITY:
        raise MolreError(
            f"{entry.name} does not embed the self-test slice as it did in training",
            where=model,
            fix="check the installation with `molre doctor`",
        )
    return Reader(trained, backbone.to(device), adapted)


def _estimated(probability: np.floating, calibration: Calibration) -> float | None:
    """A probability, None where the calibrate split allowed none."""
    return float(probability) if calibration.estimable and np.isfinite(probability) else None


def _key_slice(volume: Volume, index: int) -> KeySlice | None:
    if index == WHOLE:
        return None
    source = volume.source[index]
    return KeySlice(index=index, sop_instance_uid=source.sop_instance_uid, frame=source.frame)


def _routing(gates: torch.Tensor | None) -> Routing | None:
    if gates is None:
        return None
    mean = [round(float(g), 6) for g in gates[0].mean(0)]
    return Routing(mean_gates=mean, entropy=round(float(gate_entropy(gates[0])), 6))
