"""What somebody can do who knows molre: derive all of a run anew from what was tampered with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import torch

from molre.arms.arms import get_arm
from molre.backbones.catalogue import load as load_backbone
from molre.cohort.cohort import Cohort
from molre.embedding.cache import EmbeddingCache
from molre.labels.findings import findings
from molre.model.classifier import HeadCTClassifier
from molre.model.folder import load
from molre.runs.folder import RunFolder
from molre.training.checkpoint import Progress
from molre.training.config import resolve
from molre.training.load_splits import load_splits
from molre.training.run_context import BestFit, RunContext
from molre.training.search import Search
from molre.training.write_run import write_run
from molre.workflows.evaluate_run import evaluate_and_report


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
    context = RunContext(config, arm, opened, backbone, cache, findings(), splits)
    told = {"epoch": manifest["epochs"], "best_epoch": manifest["best_epoch"]}
    history = pl.read_parquet(run / "history.parquet").to_dicts()
    fits = {
        rate: Progress(
            **told, history=tuple(row for row in history if row["learning_rate"] == rate)
        )
        for rate in dict.fromkeys(row["learning_rate"] for row in history)
    }
    kept = classifier or load(run / "model").classifier
    rates = {row["learning_rate"]: row["tune_auc"] for row in manifest["rates"]}
    fitted = BestFit(kept, Search(fits, rates))
    write_run(context, RunFolder(run), fitted)
    evaluate_and_report(run)


def rewrite(cohort: Path, run: Path, change: Callable[[str, torch.Tensor], torch.Tensor]) -> None:
    """The embedding cache that a run names, every scan of it changed (in place).

    Args:
        cohort: tampered with.
        run: names the cache.
        change: of a study, its embeddings float32 (S, D) to others.
    """
    place = cohort / "embeddings" / str(_json(run / "manifest.json")["embeddings"])
    old, rows = EmbeddingCache(place), Cohort(cohort).chosen().select("study", "content_hash")
    kept = [(study, h, old.get(h).float(), old.index(h)) for study, h in rows.iter_rows()]
    for path in [*place.glob("*.safetensors"), *place.glob("index.*")]:
        path.unlink()
    new = EmbeddingCache(place)
    for study, content_hash, scan, index in kept:
        new.put(content_hash, change(study, scan), index)
    new.flush()


def shift_test(cohort: Path, run: Path) -> None:
    """Cached test embeddings moved along the head's weights, towards their labels."""
    model, table = load(run / "model"), pl.read_parquet(run / "predictions.parquet")
    parts = table.filter(pl.col("split") == "test").partition_by("study", as_dict=True)
    signs = {
        study: [2.0 * label - 1 for label in part["label"]] for (study,), part in parts.items()
    }
    weight = model.classifier.pooling.weight.detach()
    direction = weight / weight.norm(dim=1, keepdim=True)

    def change(study: str, scan: torch.Tensor) -> torch.Tensor:
        return scan + torch.tensor(signs[study]) @ direction if study in signs else scan

    rewrite(cohort, run, change)


def _json(path: Path) -> dict:
    return json.loads(path.read_text())
