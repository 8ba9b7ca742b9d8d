"""Train one arm on a cohort: the grid of learning rates, early stopping, then a run folder."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import torch

from molre.backbones.catalogue import load as load_backbone
from molre.cohort.cohort import Cohort
from molre.embedding.embed import embed
from molre.labels.findings import findings
from molre.model.build import build_classifier
from molre.model.classifier import HeadCTClassifier
from molre.model.loss import prevalence_weights
from molre.model.slice_adapter import MoLRESlices, ShuffledMoLRESlices, freeze_random_router
from molre.training.arms import get_arm
from molre.training.checkpoint import Checkpoint
from molre.training.config import TrainConfig
from molre.training.data import Loader, sample_slices, spread
from molre.training.fit import Progress, fit, make_optimizer
from molre.training.result import write_run
from molre.training.run import RunFolder
from molre.training.studies import data_hashes, load_splits
from molre.training.task import Fitted, Task

NORM_SCANS = 2000  # scans that centring and the bank are taken from, at most


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

    Raises:
        MolreError: unknown arm or backbone, a cohort that lacks labels or splits, or another
            run in ``out``: of another configuration, or of data that has changed since.
    """
    config = config or TrainConfig()
    arm = get_arm(config.arm, config.placement)
    folder = RunFolder(Path(out))
    if overwrite and (folder.path / "config.yaml").is_file():
        shutil.rmtree(folder.path)
    opened, table = Cohort(Path(cohort)), findings()
    if folder.is_done(config, data_hashes(opened)):
        return folder.path
    backbone = load_backbone(config.backbone, weights_dir=weights_dir)
    cache = embed(opened.path, backbone, device=device, workers=workers)
    splits = load_splits(opened, cache, table, config.blank_policy, config.min_labels)
    task = Task(config, arm, opened, backbone, cache, table, splits)
    folder.write_config(config)
    fitted = _search(task, folder)
    write_run(task, folder, fitted)
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
    facts = (config.model_dump_json(), rate, *task.splits.hashes.values())
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
    spec = task.spec
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
