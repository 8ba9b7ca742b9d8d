"""What a finished search leaves behind: model folder, predictions, routing, manifest."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import torch

import molre
from molre.adapter.core import gate_entropy
from molre.backbones.backbone import Backbone
from molre.cohort.cohort import SPLITS
from molre.embedding.embed import probe
from molre.model.adapted_backbone import is_added
from molre.model.calibration import Calibration, fit_calibration
from molre.model.card import model_card
from molre.model.classifier import HeadCTClassifier
from molre.model.familiarity import fit_familiarity, summarize
from molre.model.folder import (
    BackboneEntry,
    FindingEntry,
    ModelDescription,
    Threshold,
    TrainedModel,
    answer,
    save,
)
from molre.runs.folder import RunFolder
from molre.runs.gates import gate_rows
from molre.runs.manifest import backbone_facts, stamp, write_manifest
from molre.runs.predictions import prediction_table
from molre.runs.studies import Studies
from molre.training.collapse import collapses
from molre.training.data import Inputs, sample_slices, spread
from molre.training.fit_budget import FitBudget
from molre.training.inference import predict
from molre.training.provenance import provenance
from molre.training.run_context import BestFit, RunContext
from molre.training.studies_table import studies_table

FAMILIAR_SCANS = 2000  # scans that familiarity is estimated from, at most


def write_run(context: RunContext, folder: RunFolder, best: BestFit) -> None:
    """Calibrate, then write the model folder and the run's tables; the manifest comes last."""
    outputs = {s: predict(best.classifier, context.loader(s)) for s in SPLITS[1:]}
    logits = {s: output.logits for s, output in outputs.items()}
    calibrate = context.splits["calibrate"]
    calibration = fit_calibration(logits["calibrate"], calibrate.targets, calibrate.patient)
    model = _model(context, best, calibration)
    save(model, folder.model, model_card(model.description))
    tables = [
        prediction_table(s, context.splits[s], context.splits.findings, logits[s], calibration)
        for s in SPLITS[1:]
    ]
    folder.write_table("predictions", pl.concat(tables))
    folder.write_table(
        "studies",
        studies_table(context.splits.by_name, context.cache, best.classifier, model.familiarity),
    )
    folder.write_table("history", pl.DataFrame(best.search.history, infer_schema_length=None))
    gates = outputs["test"].gates if best.blocks is None else best.blocks.gates
    if gates is not None:
        layers = None if best.blocks is None else list(best.blocks.adapted.routed)
        folder.write_table("routing", routing_table(context, gates, layers))
    entropy = None if gates is None else float(gate_entropy(gates))
    folder.write_counts(provenance(context.cohort, context.splits, context.config.blank_policy))
    write_manifest(folder, _facts(context, best, model, entropy) | stamp())
    for leftover in folder.checkpoints():
        leftover.unlink()


def _model(context: RunContext, best: BestFit, calibration: Calibration) -> TrainedModel:
    classifier, blocks = best.classifier.eval(), best.blocks
    entries = [context.table.by_id[f] for f in context.splits.findings]
    counts = {s: len(context.splits[s]) for s in SPLITS}
    description = ModelDescription(
        molre_version=molre.__version__,
        arm=context.config.arm,
        placement=context.config.placement,
        seed=context.config.seed,
        findings=[FindingEntry(id=f.id, name=f.name, category=f.category) for f in entries],
        backbone=backbone_entry(context.backbone),
        classifier=context.spec,
        blocks=context.arm.blocks.kind if blocks is not None and context.arm.blocks else "none",
        slope=calibration.slope,
        intercepts=calibration.intercepts.tolist(),
        calibrated=calibration.calibrated.tolist(),
        thresholds={
            f.id: Threshold(value=float(t), origin=threshold_origin(p, n))
            for f, t, p, n in zip(
                entries,
                calibration.thresholds,
                calibration.positives,
                calibration.negatives,
                strict=True,
            )
            if np.isfinite(t)
        },
        calibrate_positives=calibration.positives.tolist(),
        calibrate_negatives=calibration.negatives.tolist(),
        trained_on=trained_on(context.cohort.synthetic),
        synthetic=context.cohort.synthetic,
        studies=counts,
        license=context.backbone.weights.license,
    )
    summaries = {s: _summaries(context, classifier, s) for s in ("train", "calibrate")}
    test_input = sample_slices(context.loader("train"), 1, 8)
    return TrainedModel(
        description,
        classifier,
        fit_familiarity(summaries["train"], summaries["calibrate"]),
        (test_input, answer(classifier, test_input)),
        probe(context.backbone),
        bank={} if blocks is None else blocks.adapted.bank,
        adapted=None if blocks is None else blocks.adapted,
    )


def threshold_origin(positives: int, negatives: int) -> str:
    """How a threshold was chosen, as model.json says it.

    Args:
        positives, negatives: of the calibrate split.
    """
    how = "calibrate split, largest sensitivity + specificity - 1"
    return f"{how}, {positives} with and {negatives} without"


def trained_on(synthetic: bool) -> str:
    """Whose scans they were, as model.json says it."""
    return "synthetic phantoms" if synthetic else "patients"


def backbone_entry(backbone: Backbone) -> BackboneEntry:
    """What a model folder says of its backbone."""
    return BackboneEntry(
        name=backbone.name,
        dim=backbone.dim,
        parameters=sum(p.numel() for name, p in backbone.named_parameters() if not is_added(name)),
        contract=backbone.contract.to_dict(),
        contract_hash=backbone.contract.hash,
        weights=backbone.weights.to_dict(),
        precision=backbone.precision,
        contract_verified=backbone.contract_verified,
    )


def _summaries(context: RunContext, classifier: HeadCTClassifier, split: str) -> torch.Tensor:
    hashes = context.splits[split].content_hash
    rows = spread(len(hashes), FAMILIAR_SCANS)
    scans = (context.cache.get(hashes[i]) for i in rows)
    return torch.stack([summarize(classifier.normalize(scan)) for scan in scans])


def routing_table(
    context: RunContext, gates: torch.Tensor, layers: list[str] | None = None
) -> pl.DataFrame:
    """Gates of the test split: study, split, slice (index in the series), layer, gates.

    The slice is null where the gates are of a whole volume.

    Args:
        context: of the run.
        gates: (slices, E) of all slices of the split, or (slices, L, E) at placement blocks.
        layers: L names of routed layers; None for the one router at placement slice.
    """
    studies = context.splits["test"]
    if layers is None:
        return routing_of(studies, context.cache, "slice", gates)
    parts = zip(layers, gates.unbind(1), strict=True)
    return pl.concat([routing_of(studies, context.cache, name, seen) for name, seen in parts])


def routing_of(studies: Studies, cache: Inputs, layer: str, gates: torch.Tensor) -> pl.DataFrame:
    """Rows of :func:`routing_table` for one layer.

    Args:
        studies: of the test split.
        cache: knows their slices.
        layer: its name.
        gates: (slices, E) of all their slices.
    """
    slices = [cache.index(h) for h in studies.content_hash]
    return gate_rows(studies.study, slices, layer, gates.tolist())


def _facts(
    context: RunContext, best: BestFit, model: TrainedModel, entropy: float | None
) -> dict[str, object]:
    entry = model.description.backbone
    added = best.classifier.adapter if best.blocks is None else best.blocks.adapted
    trainable = sum(p.numel() for p in added.parameters())
    budget = FitBudget.of(context.config, len(context.splits["train"]))
    sources = context.config.label_sources
    return {
        "arm": context.config.arm,
        "placement": context.config.placement,
        "seed": context.config.seed,
        "backbone": backbone_facts(entry),
        "from_scratch": context.backbone.from_scratch,
        "added_parameters": trainable,
        "added_share": trainable / entry.parameters,
        "cohort": str(context.cohort.path.resolve()),
        "embeddings": context.cache.name,
        "synthetic": context.cohort.synthetic,
        "findings": list(context.splits.findings),
        "n": {s: len(context.splits[s]) for s in SPLITS},
        **context.splits.hashes,
        "blank_policy": context.config.blank_policy,
        **({"label_sources": list(sources)} if sources else {}),
        "learning_rate": best.search.rate,
        "rates": [
            {"learning_rate": rate, "tune_auc": auc if math.isfinite(auc) else None}
            for rate, auc in sorted(best.search.scores.items())
        ],
        "rate_at_edge": best.search.at_edge,
        "epochs": best.search.best.epoch,
        "best_epoch": best.search.best.best_epoch,
        "converged": best.search.best.stale(budget.patience),
        "gate_entropy": entropy,
        "collapse": [found.to_dict() for found in collapses(best.search.history)],
        **_blocks_facts(best),
    }


def _blocks_facts(best: BestFit) -> dict[str, object]:
    """Where the backbone was adapted, and what each of its routers does."""
    if best.blocks is None:
        return {}
    from molre.adapter.reading import expert_similarity, summary

    adapted, gates = best.blocks.adapted, best.blocks.gates
    facts: dict[str, object] = {"sites": list(adapted.sites.layers), "blocks": adapted.sites.blocks}
    if gates is not None:
        names = list(adapted.routed)
        routers = summary(dict(zip(names, gates.unbind(1), strict=True)))
        for name, layer in adapted.routed.items():
            similar = expert_similarity(layer)
            others = similar[~torch.eye(len(similar), dtype=torch.bool)]
            routers[name]["expert_similarity"] = float(others.mean())
        facts["routers"] = routers
    return facts
