"""Reading a RUN folder: what training left behind, checked before any number is made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from molre.errors import MolreError
from molre.evaluation.routing import Gates, entropy_by_slice
from molre.evaluation.split_scores import AGAIN, SplitScores, refuse_shared_patients, split_scores
from molre.evaluation.statistics.auc import FloatArray
from molre.table_files import read_parquet

FORMAT_VERSION = 1
SPLIT = "test"  # the only one that is scored
_COLUMNS = ("study", "patient", "split", "finding", "label", "logit", "probability")
_MANIFEST = ("arm", "placement", "seed", "backbone", "added_parameters", "findings", "synthetic")


@dataclass(frozen=True)
class Threshold:
    """Operating point of a finding, fixed on the calibrate split.

    Attributes:
        value: a study at or above this probability is called positive.
        origin: how it was chosen.
    """

    value: float
    origin: str


@dataclass(frozen=True)
class Run:
    """The test predictions of one trained model, and what else its folder says.

    Attributes:
        path: the RUN folder.
        manifest: manifest.json.
        findings: K ids.
        studies, patients: N keys, sorted by study.
        labels: (N, K) 1, 0 or nan unknown.
        logits, probabilities: (N, K).
        thresholds: by finding; those without one are absent.
        history: one row an epoch, or None.
        gates: of the same studies in the same order; None for arms without a router.
        calibrate: predictions of the split that thresholds are chosen on; None where it is absent.
        familiarity: (N,) distance from the training scans over the threshold; None in older runs.
        model: model.json; empty without a model folder.
    """

    path: Path
    manifest: dict[str, Any]
    findings: tuple[str, ...]
    studies: tuple[str, ...]
    patients: tuple[str, ...]
    labels: FloatArray
    logits: FloatArray
    probabilities: FloatArray
    thresholds: dict[str, Threshold]
    history: pl.DataFrame | None
    gates: Gates | None
    calibrate: SplitScores | None = None
    familiarity: FloatArray | None = None
    model: dict[str, Any] = field(default_factory=dict)

    @property
    def calibrated(self) -> dict[str, bool]:
        """Whether a finding's probabilities are; empty where the run does not say."""
        ids = [entry["id"] for entry in self.model.get("findings") or []]
        return dict(zip(ids, self.model.get("calibrated") or [], strict=False))

    @property
    def arm(self) -> str:
        """Name of the arm, e.g. ``molre``."""
        return str(self.manifest["arm"])

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return int(self.manifest["seed"])

    @property
    def synthetic(self) -> bool:
        """True where the scans are phantoms, or the model was trained on phantoms."""
        return bool(self.manifest["synthetic"])

    @property
    def scans_synthetic(self) -> bool:
        """True where the test scans are phantoms; a model of phantoms may be tested on patients."""
        return scans_are_synthetic(self.manifest)


def read_run(path: Path | str) -> Run:
    """Read a RUN folder: its test predictions.

    Args:
        path: the folder that ``molre train`` wrote.

    Raises:
        MolreError: a file is missing, unreadable, newer than this molre, or does not add up, or a
            patient is in two splits.
    """
    path = Path(path)
    manifest = _manifest(path)
    findings = tuple(manifest["findings"])
    source = path / "predictions.parquet"
    table = _table(source, _COLUMNS)
    refuse_shared_patients(table, source)
    test = split_scores(table, SPLIT, findings, source)
    if test is None:
        raise MolreError(f"no study of the {SPLIT} split", where=source, fix=AGAIN)
    model = _model(path / "model" / "model.json")
    return Run(
        path=path,
        manifest=manifest,
        findings=findings,
        studies=test.studies,
        patients=test.patients,
        labels=test.labels,
        logits=test.logits,
        probabilities=test.probabilities,
        thresholds=_thresholds(model),
        history=_history(path / "history.parquet"),
        gates=_gates(path / "routing.parquet", list(test.studies)),
        calibrate=split_scores(table, "calibrate", findings, source),
        familiarity=_familiarity(path / "studies.parquet", test.studies),
        model=model,
    )


def scans_are_synthetic(manifest: Mapping[str, Any]) -> bool:
    """Whether the test scans of a run or an external evaluation are phantoms.

    Args:
        manifest: manifest.json.
    """
    synthetic = bool(manifest.get("synthetic"))
    external = manifest.get("external")
    return bool(external.get("scans_synthetic", synthetic)) if external else synthetic


def _manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise MolreError("not a folder", where=path, fix="give the RUN folder of `molre train`")
    source = path / "manifest.json"
    manifest = _json(source)
    version = manifest.get("format_version")
    if not isinstance(version, int):
        raise MolreError("has no format_version", where=source, fix=AGAIN)
    if version > FORMAT_VERSION:
        what = f"format version {version} is newer than this molre reads ({FORMAT_VERSION})"
        raise MolreError(what, where=source, fix="update molre")
    missing = [key for key in _MANIFEST if key not in manifest]
    if missing:
        raise MolreError(f"lacks {', '.join(missing)}", where=source, fix=AGAIN)
    return manifest


def _json(source: Path) -> dict[str, Any]:
    if not source.is_file():
        raise MolreError("missing", where=source, fix="give the RUN folder of `molre train`")
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MolreError("not readable as JSON", where=source, fix=AGAIN) from error
    if not isinstance(content, dict):
        raise MolreError("not a JSON object", where=source, fix=AGAIN)
    return content


def _table(source: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    if not source.is_file():
        raise MolreError("missing", where=source, fix=AGAIN)
    try:
        table = read_parquet(source)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise MolreError("not readable as Parquet", where=source, fix=AGAIN) from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise MolreError(f"lacks column {', '.join(missing)}", where=source, fix=AGAIN)
    return table


def _model(source: Path) -> dict[str, Any]:
    """model.json; a run without a model folder has none."""
    return _json(source) if source.is_file() else {}


def _thresholds(model: dict[str, Any]) -> dict[str, Threshold]:
    stored = model.get("thresholds") or {}
    return {
        finding: Threshold(float(entry["value"]), str(entry.get("origin", "unknown")))
        for finding, entry in stored.items()
        if entry and entry.get("value") is not None
    }


def _familiarity(source: Path, studies: tuple[str, ...]) -> FloatArray | None:
    """Distances of the studies from the training scans over the threshold; None in older runs."""
    if not source.is_file():
        return None
    table = _table(source, ("study", "patient", "split", "familiarity"))
    refuse_shared_patients(table, source)
    distance = dict(table.select("study", "familiarity").iter_rows())
    found = [distance.get(study) for study in studies]
    if any(value is None for value in found):
        what = f"does not hold the {SPLIT} studies of predictions.parquet"
        raise MolreError(what, where=source, fix=AGAIN)
    return np.array(found, dtype=np.float64)


def _history(source: Path) -> pl.DataFrame | None:
    if not source.is_file():
        return None
    return _table(source, ("epoch", "train_loss", "tune_auc"))


def _gates(source: Path, studies: list[str]) -> Gates | None:
    if not source.is_file():
        return None
    table = _table(source, ("study", "split", "gates")).filter(pl.col("split") == SPLIT)
    if "layer" not in table.columns:  # of a run from before layers were named
        table = table.with_columns(layer=pl.lit("last"))
    parts = table.partition_by("layer", maintain_order=True, as_dict=True) or {("",): table}
    layers = [_gates_of_layer(part, studies, source) for part in parts.values()]
    if len({(mean.shape, slices) for mean, _, slices in layers}) != 1:
        raise MolreError("its layers do not agree", where=source, fix=AGAIN)
    return Gates(
        tuple(studies),
        tuple(str(name) for (name,) in parts),
        np.stack([mean for mean, _, _ in layers], axis=1),
        np.stack([entropy for _, entropy, _ in layers], axis=1),
        layers[0][2],
    )


def _gates_of_layer(
    table: pl.DataFrame, studies: list[str], source: Path
) -> tuple[FloatArray, FloatArray, int]:
    """Mean gates (N, E), entropy (N,) and the number of slices of one layer."""
    lengths = table["gates"].list.len().unique()
    if sorted(table["study"].unique().to_list()) != studies or len(lengths) != 1:
        what = f"does not hold gates of the {SPLIT} studies of predictions.parquet"
        raise MolreError(what, where=source, fix=AGAIN)
    experts = int(lengths[0])
    flat = table["gates"].explode().cast(pl.Float64).to_numpy().reshape(-1, experts)
    position = {study: i for i, study in enumerate(studies)}
    owner = np.array([position[study] for study in table["study"]], dtype=np.intp)
    slices = np.bincount(owner, minlength=len(studies))
    mean = np.zeros((len(studies), experts))
    np.add.at(mean, owner, flat)
    entropy = np.bincount(owner, weights=entropy_by_slice(flat), minlength=len(studies))
    return mean / slices[:, None], entropy / slices, len(table)
