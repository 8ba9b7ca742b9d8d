"""What somebody can do who knows molre: derive all of a run anew from what was tampered with."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import torch

from molre.backbones.catalogue import load as load_backbone
from molre.cohort.cohort import Cohort
from molre.embedding.cache import EmbeddingCache
from molre.labels.findings import findings
from molre.model.classifier import HeadCTClassifier
from molre.model.folder import load
from molre.output.run_folder import evaluate_and_report
from molre.training.arms import get_arm
from molre.training.config import resolve
from molre.training.fit import Progress
from molre.training.result import write_run
from molre.training.run import RunFolder
from molre.training.studies import load_splits
from molre.training.task import Fitted, Task


def derive(run: Path, cohort: Path, classifier: HeadCTClassifier | None = None) -> None:
    """Predictions, calibration, familiarity, tables, report, seals: by molre's own functions.

    Args:
        run: of placement slice; its history, rate and epochs stay.
        cohort: as it was tampered with.
        classifier: in place of the run's.
    """
    config, manifest = resolve(run / "config.yaml"), _json(run / "manifest.json")
    opened, backbone = Cohort(cohort), load_backbone(config.backbone, contract=config.contract)
    cache = EmbeddingCache(cohort / "embeddings" / str(manifest["embeddings"]))
    splits = load_splits(opened, cache, findings(), config.blank_policy, config.min_labels)
    arm = get_arm(config.arm, config.placement)
    task = Task(config, arm, opened, backbone, cache, findings(), splits)
    progress = Progress(epoch=manifest["epochs"], best_epoch=manifest["best_epoch"])
    history = pl.read_parquet(run / "history.parquet").to_dicts()
    kept = classifier or load(run / "model").classifier
    write_run(task, RunFolder(run), Fitted(kept, manifest["learning_rate"], progress, history))
    evaluate_and_report(run)


def shift_test(cohort: Path, run: Path, size: float = 1.0) -> None:
    """Cached test embeddings moved along the head's weights, towards their labels (in place)."""
    manifest, model = _json(run / "manifest.json"), load(run / "model")
    place = cohort / "embeddings" / str(manifest["embeddings"])
    old = EmbeddingCache(place)
    rows = Cohort(cohort).chosen().join(Cohort(cohort).splits(), on="patient")
    table = pl.read_parquet(run / "predictions.parquet")
    signs = {
        study: [2 * label - 1 for label in part["label"]]
        for (study,), part in table.partition_by("study", as_dict=True).items()
    }
    weight = model.classifier.pooling.weight.detach()
    direction = weight / weight.norm(dim=1, keepdim=True)
    kept = {h: (old.get(h).clone(), old.index(h)) for h in rows["content_hash"]}
    for path in [*place.glob("*.safetensors"), *place.glob("index.*")]:
        path.unlink()
    new = EmbeddingCache(place)
    for study, split, name in rows.select("study", "split", "content_hash").iter_rows():
        scan, index = kept[name]
        if split == "test":
            scan = scan.float() + size * torch.tensor(signs[study]).float() @ direction
        new.put(name, scan, index)
    new.flush()


def _json(path: Path) -> dict:
    return json.loads(path.read_text())
