"""Reading a RUN folder: what training left behind, checked before any number is made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from molre.errors import MolreError
from molre.evaluation.auc import FloatArray
from molre.evaluation.routing import Gates, entropy_by_slice

FORMAT_VERSION = 1
SPLIT = "test"  # the only one that is scored
_AGAIN = "train the run again, or restore the file from a copy"
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
        """True where the scans are phantoms."""
        return bool(self.manifest["synthetic"])


def read_run(path: Path | str) -> Run:
    """Read a RUN folder: its test predictions.

    Args:
        path: the folder that ``molre train`` wrote.

    Raises:
        MolreError: a file is missing, unreadable, newer than this molre, or does not add up.
    """
    path = Path(path)
    manifest = _manifest(path)
    findings = tuple(manifest["findings"])
    source = path / "predictions.parquet"
    table = _table(source, _COLUMNS).filter(pl.col("split") == SPLIT).sort("study")
    if table.is_empty():
        raise MolreError(f"no study of the {SPLIT} split", where=source, fix=_AGAIN)
    studies, row = np.unique(table["study"].to_numpy(), return_inverse=True)
    column = _columns(table, findings, source)
    if len(table) != len(studies) * len(findings) or _repeats(row, column, len(findings)):
        raise MolreError("needs each finding once for each study", where=source, fix=_AGAIN)
    grids = {}
    for name in ("label", "logit", "probability"):
        grids[name] = np.full((len(studies), len(findings)), np.nan)
        grids[name][row, column] = table[name].cast(pl.Float64).to_numpy()
    _check_values(grids, source)
    patients = np.empty(len(studies), dtype=object)
    patients[row] = table["patient"].to_list()
    return Run(
        path=path,
        manifest=manifest,
        findings=findings,
        studies=tuple(str(s) for s in studies),
        patients=tuple(str(p) for p in patients),
        labels=grids["label"],
        logits=grids["logit"],
        probabilities=grids["probability"],
        thresholds=_thresholds(path / "model" / "model.json"),
        history=_history(path / "history.parquet"),
        gates=_gates(path / "routing.parquet", [str(s) for s in studies]),
    )


def _manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise MolreError("not a folder", where=path, fix="give the RUN folder of `molre train`")
    source = path / "manifest.json"
    manifest = _json(source)
    version = manifest.get("format_version")
    if not isinstance(version, int):
        raise MolreError("has no format_version", where=source, fix=_AGAIN)
    if version > FORMAT_VERSION:
        what = f"format version {version} is newer than this molre reads ({FORMAT_VERSION})"
        raise MolreError(what, where=source, fix="update molre")
    missing = [key for key in _MANIFEST if key not in manifest]
    if missing:
        raise MolreError(f"lacks {', '.join(missing)}", where=source, fix=_AGAIN)
    return manifest


def _json(source: Path) -> dict[str, Any]:
    if not source.is_file():
        raise MolreError("missing", where=source, fix="give the RUN folder of `molre train`")
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MolreError("not readable as JSON", where=source, fix=_AGAIN) from error
    if not isinstance(content, dict):
        raise MolreError("not a JSON object", where=source, fix=_AGAIN)
    return content


def _table(source: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    if not source.is_file():
        raise MolreError("missing", where=source, fix=_AGAIN)
    try:
        table = pl.read_parquet(source)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise MolreError("not readable as Parquet", where=source, fix=_AGAIN) from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise MolreError(f"lacks column {', '.join(missing)}", where=source, fix=_AGAIN)
    return table


def _columns(table: pl.DataFrame, findings: tuple[str, ...], source: Path) -> np.ndarray:
    position = {finding: k for k, finding in enumerate(findings)}
    unknown = sorted(set(table["finding"].to_list()) - set(position))
    if unknown:
        what = f"finding {unknown[0]!r} is not in manifest.json"
        raise MolreError(what, where=source, fix=_AGAIN)
    return np.array([position[finding] for finding in table["finding"]], dtype=np.intp)


def _repeats(row: np.ndarray, column: np.ndarray, findings: int) -> bool:
    return len(np.unique(row * findings + column)) != len(row)


def _check_values(grids: dict[str, FloatArray], source: Path) -> None:
    label, probability = grids["label"], grids["probability"]
    if not np.isin(label[~np.isnan(label)], (0, 1)).all():
        raise MolreError("a label is not 0, 1 or empty", where=source, fix=_AGAIN)
    if not np.isfinite(grids["logit"]).all():
        raise MolreError("a logit is not a finite number", where=source, fix=_AGAIN)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise MolreError("a probability is outside 0 to 1", where=source, fix=_AGAIN)


def _thresholds(source: Path) -> dict[str, Threshold]:
    """Thresholds of the model folder; a run without a model folder has none."""
    if not source.is_file():
        return {}
    stored = _json(source).get("thresholds") or {}
    return {
        finding: Threshold(float(entry["value"]), str(entry.get("origin", "unknown")))
        for finding, entry in stored.items()
        if entry and entry.get("value") is not None
    }


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
        raise MolreError("its layers do not agree", where=source, fix=_AGAIN)
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
        raise MolreError(what, where=source, fix=_AGAIN)
    experts = int(lengths[0])
    flat = table["gates"].explode().cast(pl.Float64).to_numpy().reshape(-1, experts)
    position = {study: i for i, study in enumerate(studies)}
    owner = np.array([position[study] for study in table["study"]], dtype=np.intp)
    slices = np.bincount(owner, minlength=len(studies))
    mean = np.zeros((len(studies), experts))
    np.add.at(mean, owner, flat)
    entropy = np.bincount(owner, weights=entropy_by_slice(flat), minlength=len(studies))
    return mean / slices[:, None], entropy / slices, len(table)
