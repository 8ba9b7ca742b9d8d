"""Writes small RUN folders, as training leaves them, with scores that are made up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

FINDINGS = ("subdural_hemorrhage", "midline_shift", "skull_fracture", "pneumocephalus")
SHARES = (0.4, 0.35, 0.3, 0.03)


def write_run(
    path: Path,
    *,
    arm: str = "molre",
    seed: int = 0,
    skill: float = 1.2,
    studies: int = 60,
    studies_a_patient: int = 1,
    synthetic: bool = True,
    experts: int = 6,
    layers: tuple[str, ...] = ("slice",),
    labels_seed: int = 0,
    pretraining: str = "ImageNet-1k",
    familiarity: bool = True,
    **manifest: object,
) -> Path:
    """Write RUN: labels depend on ``labels_seed`` only, scores on ``seed`` and ``skill``.

    Args:
        path: the folder.
        arm: routed arms (``molre...``) also get gates.
        seed: of the scores.
        skill: distance between the scores of positives and negatives, in standard deviations.
        studies: in test; as many again in tune and in calibrate.
        studies_a_patient: above 1, patients repeat.
        synthetic: of the cohort.
        experts: number of gates.
        layers: routed layers; the last one's first expert follows the first finding.
        labels_seed: of the labels and of the part of a score that all arms share.
        pretraining: what the backbone has seen.
        familiarity: write studies.parquet, where later studies are less familiar.
        manifest: entries to overwrite.
    """
    path.mkdir(parents=True)
    _write_manifest(path, arm, seed, synthetic, studies, manifest)
    rows, truth = _predictions(seed, skill, studies, studies_a_patient, labels_seed)
    pl.DataFrame(rows, orient="row", schema=_SCHEMA).write_parquet(path / "predictions.parquet")
    if arm.startswith("molre"):
        _write_gates(path, seed, truth, experts, layers)
    pl.concat([_history(1e-3, best=0.7), _history(3e-3, best=0.8)]).write_parquet(
        path / "history.parquet"
    )
    (path / "model").mkdir()
    thresholds = {f: {"value": 0.5, "origin": "Youden on calibrate"} for f in FINDINGS}
    description = {
        "thresholds": thresholds,
        "findings": [{"id": finding} for finding in FINDINGS],
        "calibrated": [True, True, True, False],
        "backbone": {"weights": {"pretraining": pretraining}},
    }
    (path / "model" / "model.json").write_text(json.dumps(description))
    if familiarity:
        _write_studies(path, rows)
    return path


_SCHEMA = {
    "study": pl.String,
    "patient": pl.String,
    "split": pl.String,
    "finding": pl.String,
    "label": pl.Int8,
    "logit": pl.Float32,
    "probability": pl.Float32,
}


def _history(rate: float, best: float) -> pl.DataFrame:
    epochs = np.arange(20)
    return pl.DataFrame(
        {
            "epoch": epochs,
            "learning_rate": np.full(20, rate),
            "train_loss": 0.05 + 0.2 * np.exp(-epochs / 5),
            "tune_auc": best - 0.25 * np.exp(-epochs / 4),
            "gate_entropy": 1 - 0.01 * epochs,
        }
    )


def _write_manifest(
    path: Path, arm: str, seed: int, synthetic: bool, studies: int, more: dict[str, object]
) -> None:
    content = {
        "format_version": 1,
        "arm": arm,
        "placement": "slice",
        "seed": seed,
        "backbone": {
            "name": "efficientnet_lite0",
            "weights_sha256": "0" * 64,
            "dim": 1280,
            "parameters": 3_371_008,
        },
        "added_parameters": 0 if arm == "frozen" else 125_000,
        "cohort": "cohort",
        "synthetic": synthetic,
        "findings": list(FINDINGS),
        "n": {"train": 3 * studies, "tune": studies, "calibrate": studies, "test": studies},
        "splits_sha256": "1" * 64,
        "labels_sha256": "2" * 64,
        "blank_policy": "blank_means",
        "versions": {"molre": "0.1.0"},
        "git": "abcdef0",
        "created": "2026-01-01T00:00:00Z",
        "learning_rate": 1e-3,
        "epochs": 20,
    }
    (path / "manifest.json").write_text(json.dumps({**content, **more}))


def _predictions(
    seed: int, skill: float, studies: int, studies_a_patient: int, labels_seed: int
) -> tuple[list[tuple[object, ...]], np.ndarray]:
    shared, own = np.random.default_rng(labels_seed), np.random.default_rng(1000 + seed)
    rows: list[tuple[object, ...]] = []
    planted = np.empty((0, len(FINDINGS)))
    for split in ("tune", "test", "calibrate"):
        truth = shared.random((studies, len(FINDINGS))) < np.array(SHARES)
        common = shared.normal(size=truth.shape)
        logits = skill * (truth - 0.4) + 0.8 * common + 0.3 * own.normal(size=truth.shape)
        unknown = shared.random(truth.shape) < 0.02
        planted = truth if split == "test" else planted
        for i in range(studies):
            patient = f"{split}-patient{i // studies_a_patient:03d}"
            for k, finding in enumerate(FINDINGS):
                label = None if unknown[i, k] else int(truth[i, k])
                logit = float(logits[i, k])
                probability = 1 / (1 + np.exp(-logit))
                rows.append((f"{split}{i:04d}", patient, split, finding, label, logit, probability))
    return rows, planted


def _write_studies(path: Path, rows: list[tuple[object, ...]]) -> None:
    keys = pl.DataFrame(rows, orient="row", schema=_SCHEMA).select("study", "patient", "split")
    keys = keys.unique(maintain_order=True)
    keys.with_columns(
        content_hash=pl.col("study"), familiarity=pl.int_range(len(keys)) / len(keys)
    ).write_parquet(path / "studies.parquet")


def _write_gates(
    path: Path, seed: int, truth: np.ndarray, experts: int, layers: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(seed)
    rows = []
    for layer in layers:
        for i, present in enumerate(truth):
            for index in range(5):
                raw = rng.normal(scale=0.5, size=experts)
                raw[0] += 1.5 * present[0] * (layer == layers[-1])
                gates = np.exp(raw) / np.exp(raw).sum()
                rows.append((f"test{i:04d}", "test", index, layer, gates.tolist()))
    schema = {
        "study": pl.String,
        "split": pl.String,
        "slice": pl.Int32,
        "layer": pl.String,
        "gates": pl.List(pl.Float32),
    }
    pl.DataFrame(rows, orient="row", schema=schema).write_parquet(path / "routing.parquet")
