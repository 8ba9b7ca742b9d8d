"""Train one arm on a cohort: grid, early stopping, calibration, model and run folder."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

import molre
from molre.adapter.core import gate_entropy
from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load as load_backbone
from molre.cohort.cohort import Cohort
from molre.embedding.cache import EmbeddingCache
from molre.embedding.embed import embed, probe
from molre.labels.findings import FindingsTable, findings
from molre.model.build import ClassifierSpec, build_classifier
from molre.model.calibration import Calibration, fit_calibration
from molre.model.card import model_card
from molre.model.classifier import HeadCTClassifier
from molre.model.familiarity import fit_familiarity, summarise
from molre.model.folder import (
    BackboneEntry,
    FindingEntry,
    ModelDescription,
    Threshold,
    TrainedModel,
    answer,
    save,
)
from molre.model.loss import prevalence_weights
from molre.model.slice_adapter import MoLRESlices, ShuffledMoLRESlices, freeze_random_router
from molre.training.arms import Arm, get_arm
from molre.training.checkpoint import Checkpoint
from molre.training.config import TrainConfig
from molre.training.data import Loader, sample_slices, spread
from molre.training.fit import Progress, fit, make_optimizer, run
from molre.training.run import RunFolder, prediction_table
from molre.training.studies import SPLITS, Splits, load_splits

NORM_SCANS = 2000  # scans that centring, the bank and familiarity are estimated from, at most


@dataclass(frozen=True)
class Fitted:
    """The best fit of the learning-rate grid."""

    classifier: HeadCTClassifier
    rate: float
    progress: Progress
    history: list[dict[str, float | int | None]]


@dataclass(frozen=True)
class Task:
    """What a run works on."""

    config: TrainConfig
    arm: Arm
    cohort: Cohort
    backbone: Backbone
    cache: EmbeddingCache
    table: FindingsTable
    splits: Splits

    def loader(self, split: str) -> Loader:
        """Batches of one split."""
        return Loader(self.cache, self.splits[split], self.config.batch_size, self.config.seed)


def train(
    cohort: str | Path,
    out: str | Path,
    config: TrainConfig | None = None,
    *,
    weights_dir: str | Path | None = None,
    device: str = "cpu",
    workers: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Train an arm on the cohort's embeddings and leave a run folder.

    Embeds what is not embedded yet. A finished run of the same configuration is left as it is;
    an interrupted one goes on.

    Args:
        cohort: folder made by ingest, split and labelled.
        out: the run folder.
        config: every choice; defaults otherwise.
        weights_dir: folder with backbone weights, where they are not installed.
        device: torch device the backbone embeds on.
        workers: processes that embed.
        overwrite: discard a run that is there.

    Returns:
        The run folder.
    """
    config = config or TrainConfig()
    arm = get_arm(config.arm, config.placement)
    folder = RunFolder(Path(out))
    if overwrite and (folder.path / "config.yaml").is_file():
        shutil.rmtree(folder.path)
    if folder.is_done(config):
        return folder.path
    opened, table = Cohort(Path(cohort)), findings()
    opened.labels(), opened.splits()  # say what is missing before the long part
    backbone = load_backbone(config.backbone, weights_dir=weights_dir)
    cache = embed(opened.path, backbone, device=device, workers=workers)
    splits = load_splits(opened, cache, table, config.blank_policy, config.min_labels)
    task = Task(config, arm, opened, backbone, cache, table, splits)
    folder.write_config(config)
    fitted = _search(task, folder)
    _write(task, folder, fitted)
    return folder.path


def _search(task: Task, folder: RunFolder) -> Fitted:
    """Fit at every learning rate of the grid; the best on tune wins, the smaller on a tie."""
    best: Fitted | None = None
    history = []
    for rate in sorted(task.config.learning_rates):
        classifier, progress = _fit(task, folder, rate)
        history += progress.history
        if best is None or progress.best_auc > best.progress.best_auc:
            best = Fitted(classifier, rate, progress, history)
    assert best is not None
    return best


def _fit(task: Task, folder: RunFolder, rate: float) -> tuple[HeadCTClassifier, Progress]:
    config, train_loader = task.config, task.loader("train")
    classifier = new_classifier(task, train_loader)
    optimizer = make_optimizer(classifier, config, rate)
    facts = (config.model_dump_json(), rate, task.splits.splits_sha256, task.splits.labels_sha256)
    key = hashlib.sha256(repr((facts, task.cache.folder.name)).encode()).hexdigest()
    checkpoint = Checkpoint(folder.path / f"checkpoint-{rate:g}.safetensors", key)
    progress = checkpoint.restore(classifier, optimizer)
    weights = prevalence_weights(torch.from_numpy(train_loader.studies.targets))
    fit(
        classifier,
        optimizer,
        progress,
        train_loader,
        task.loader("tune"),
        weights,
        config,
        lambda p: checkpoint.save(classifier, optimizer, p),
    )
    return classifier, progress


def new_classifier(task: Task, loader: Loader) -> HeadCTClassifier:
    """A classifier at its start: seeded weights, centre, bank and random router from train."""
    config = task.config
    torch.manual_seed(config.seed)
    spec = _spec(task)
    classifier = build_classifier(spec)
    slices = sample_slices(loader, NORM_SCANS, 20 * NORM_SCANS)
    classifier.center.copy_(classifier.normalise(slices).mean(0))
    normalised = classifier.normalise(slices)
    if isinstance(classifier.adapter, ShuffledMoLRESlices):
        picked = spread(len(normalised), spec.bank_size)
        classifier.adapter.bank = normalised[
            [picked[i % len(picked)] for i in range(spec.bank_size)]
        ]
    if task.arm.random_router:
        assert isinstance(classifier.adapter, MoLRESlices)
        freeze_random_router(classifier.adapter, normalised[spread(len(normalised), 4000)])
    return classifier


def _spec(task: Task) -> ClassifierSpec:
    c = task.config
    return ClassifierSpec(
        dim=task.backbone.dim,
        findings=len(task.splits.findings),
        adapter=task.arm.adapter,
        num_experts=c.num_experts,
        r=c.r,
        router_hidden=c.router_hidden,
        shared_query=c.shared_query,
        dropout=c.dropout,
    )


def _write(task: Task, folder: RunFolder, fitted: Fitted) -> None:
    logits = {s: run(fitted.classifier, task.loader(s)).logits for s in SPLITS[1:]}
    calibration = fit_calibration(logits["calibrate"], task.splits["calibrate"].targets)
    model = _model(task, fitted, calibration)
    save(model, folder.model, model_card(model.description))
    tables = [
        prediction_table(s, task.splits[s], task.splits.findings, logits[s], calibration)
        for s in SPLITS[1:]
    ]
    folder.write_table("predictions", pl.concat(tables))
    folder.write_table("history", pl.DataFrame(fitted.history, infer_schema_length=None))
    if isinstance(fitted.classifier.adapter, MoLRESlices):
        folder.write_table("routing", routing_table(task, fitted.classifier))
    folder.write_manifest(_facts(task, fitted, model))
    for leftover in folder.path.glob("checkpoint-*.safetensors"):
        leftover.unlink()


def _model(task: Task, fitted: Fitted, calibration: Calibration) -> TrainedModel:
    classifier = fitted.classifier.eval()
    entries = [task.table.by_id[f] for f in task.splits.findings]
    counts = {s: len(task.splits[s]) for s in SPLITS}
    origin = "calibrate split, largest sensitivity + specificity - 1"
    description = ModelDescription(
        molre_version=molre.__version__,
        arm=task.config.arm,
        placement=task.config.placement,
        seed=task.config.seed,
        findings=[FindingEntry(id=f.id, name=f.name, category=f.category) for f in entries],
        backbone=backbone_entry(task.backbone),
        classifier=_spec(task),
        slope=calibration.slope,
        intercepts=calibration.intercepts.tolist(),
        calibrated=calibration.calibrated.tolist(),
        thresholds={
            f.id: Threshold(value=float(t), origin=f"{origin}, {p} with and {n} without")
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
        trained_on="synthetic phantoms" if task.cohort.synthetic else "patients",
        synthetic=task.cohort.synthetic,
        studies=counts,
        license=task.backbone.weights.license,
    )
    summaries = {s: _summaries(task, classifier, s) for s in ("train", "calibrate")}
    test_input = sample_slices(task.loader("train"), 1, 8)
    return TrainedModel(
        description,
        classifier,
        fit_familiarity(summaries["train"], summaries["calibrate"]),
        (test_input, answer(classifier, test_input)),
        probe(task.backbone),
    )


def backbone_entry(backbone: Backbone) -> BackboneEntry:
    """What a model folder says of its backbone."""
    return BackboneEntry(
        name=backbone.name,
        dim=backbone.dim,
        parameters=sum(p.numel() for p in backbone.parameters()),
        contract=backbone.contract.to_dict(),
        contract_hash=backbone.contract.hash,
        weights=backbone.weights.to_dict(),
    )


def _summaries(task: Task, classifier: HeadCTClassifier, split: str) -> torch.Tensor:
    hashes = task.splits[split].content_hash
    rows = spread(len(hashes), NORM_SCANS)
    return torch.stack([summarise(classifier.normalise(task.cache.get(hashes[i]))) for i in rows])


def routing_table(task: Task, classifier: HeadCTClassifier) -> pl.DataFrame:
    """Gates of every test slice: study, split, slice (index in the series), gates."""
    loader, parts = task.loader("test"), []
    with torch.inference_mode():
        for batch in loader.in_order():
            gates = classifier(batch.embeddings, batch.mask, batch.bank_index).gates
            assert gates is not None
            for i, row in enumerate(batch.rows):
                index = task.cache.index(loader.studies.content_hash[row])
                part = {
                    "study": [loader.studies.study[row]] * len(index),
                    "split": ["test"] * len(index),
                    "slice": np.asarray(index, dtype=np.int32),
                    "gates": gates[i, : len(index)].tolist(),
                }
                parts.append(pl.DataFrame(part, schema_overrides={"gates": pl.List(pl.Float32)}))
    return pl.concat(parts)


def _facts(task: Task, fitted: Fitted, model: TrainedModel) -> dict[str, object]:
    entry = model.description.backbone
    trainable = sum(p.numel() for p in fitted.classifier.adapter.parameters())
    gates = _entropy(task, fitted.classifier)
    return {
        "arm": task.config.arm,
        "placement": task.config.placement,
        "seed": task.config.seed,
        "backbone": {
            "name": entry.name,
            "weights_sha256": entry.weights["sha256"],
            "dim": entry.dim,
            "parameters": entry.parameters,
        },
        "added_parameters": trainable,
        "added_share": trainable / entry.parameters,
        "cohort": str(task.cohort.path.resolve()),
        "embeddings": task.cache.folder.name,
        "synthetic": task.cohort.synthetic,
        "findings": list(task.splits.findings),
        "n": {s: len(task.splits[s]) for s in SPLITS},
        "splits_sha256": task.splits.splits_sha256,
        "labels_sha256": task.splits.labels_sha256,
        "blank_policy": task.config.blank_policy,
        "learning_rate": fitted.rate,
        "epochs": fitted.progress.epoch,
        "best_epoch": fitted.progress.best_epoch,
        "converged": fitted.progress.stale(task.config.patience),
        "gate_entropy": gates,
    }


def _entropy(task: Task, classifier: HeadCTClassifier) -> float | None:
    if not isinstance(classifier.adapter, MoLRESlices):
        return None
    gates = torch.tensor(routing_table(task, classifier)["gates"].to_list())
    return float(gate_entropy(gates))
