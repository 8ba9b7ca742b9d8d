"""A model that was never trained, so that reading and predicting can start at once."""

from __future__ import annotations

from pathlib import Path

import torch

from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load as load_backbone
from molre.embedding.embed import probe
from molre.model import folder
from molre.model.build import ClassifierSpec, build_classifier
from molre.model.familiarity import Familiarity, fit_familiarity
from molre.training.write_run import backbone_entry


def untrained(
    known: Familiarity, *, backbone: Backbone | None = None, synthetic: bool = True, slope: float
) -> folder.TrainedModel:
    """A model of two findings whose threshold is its answer to nothing: flips are easy.

    Args:
        known: what its training scans are said to be like.
        backbone: the smallest one by default.
        synthetic: it says of itself that it was trained on phantoms.
        slope: of its calibration.
    """
    torch.manual_seed(0)
    backbone = backbone or load_backbone("efficientnet_lite0")
    spec = ClassifierSpec(dim=backbone.dim, findings=2, adapter="none")
    classifier = build_classifier(spec).eval()
    scan = torch.randn(3, backbone.dim)
    description = folder.ModelDescription(
        molre_version="0",
        arm="frozen",
        placement="slice",
        seed=0,
        findings=[
            folder.FindingEntry(id=name, name=name, category="trauma")
            for name in ("skull_fracture", "midline_shift")
        ],
        backbone=backbone_entry(backbone),
        classifier=spec,
        slope=slope,
        intercepts=[0.0, 0.0],
        calibrated=[True, False],
        thresholds={"skull_fracture": folder.Threshold(value=0.5, origin="by hand")},
        calibrate_positives=[9, 1],
        calibrate_negatives=[9, 30],
        trained_on="synthetic phantoms" if synthetic else "patients",
        synthetic=synthetic,
        studies={"train": 10},
        license="Apache-2.0",
    )
    answer = folder.answer(classifier, scan)
    return folder.TrainedModel(description, classifier, known, (scan, answer), probe(backbone))


def write_model(path: Path, *, synthetic: bool = True, familiar: bool = False) -> Path:
    """The folder of one.

    Args:
        path: of the folder.
        synthetic: it says of itself that it was trained on phantoms.
        familiar: every scan is like its training scans; else none is, and all are withheld.
    """
    backbone = load_backbone("efficientnet_lite0")
    torch.manual_seed(1)
    near = (100 if familiar else 0.01) * torch.randn(28, 2 * backbone.dim)
    known = fit_familiarity(near[:20], near[20:])
    model = untrained(known, backbone=backbone, synthetic=synthetic, slope=5.0)
    folder.save(model, path, "# card\n")
    return path
