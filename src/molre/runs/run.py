"""A run as it is read: its test predictions, checked before any number is made from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from molre.arrays import FloatArray
from molre.errors import MolreError
from molre.runs.cohort_of_run import CohortOfRun
from molre.runs.folder import AGAIN, RunFolder
from molre.runs.gates import Gates, read_gates
from molre.runs.manifest import read_manifest, scans_are_synthetic
from molre.runs.predictions import COLUMNS
from molre.runs.reading import read_json
from molre.runs.split_scores import SplitScores, refuse_shared_patients, split_scores
from molre.runs.studies import read_familiarity

SPLIT = "test"  # the only one that is scored
_NEEDED = ("arm", "placement", "seed", "backbone", "added_parameters", "findings", "synthetic")


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
    def folder(self) -> RunFolder:
        """Its files."""
        return RunFolder(self.path)

    @property
    def cohort(self) -> CohortOfRun:
        """The cohort that it was made from, where that still is."""
        return CohortOfRun(self.manifest)

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
    folder = RunFolder(Path(path))
    manifest = _manifest(folder)
    findings = tuple(manifest["findings"])
    table, source = folder.read("predictions", *COLUMNS), folder.table("predictions")
    refuse_shared_patients(table, source)
    test = split_scores(table, SPLIT, findings, source)
    if test is None:
        raise MolreError(f"no study of the {SPLIT} split", where=source, fix=AGAIN)
    model = read_json(folder.description, AGAIN) if folder.description.is_file() else {}
    return Run(
        path=folder.path,
        manifest=manifest,
        findings=findings,
        studies=test.studies,
        patients=test.patients,
        labels=test.labels,
        logits=test.logits,
        probabilities=test.probabilities,
        thresholds=_thresholds(model),
        history=_history(folder),
        gates=read_gates(folder, test.studies),
        calibrate=split_scores(table, "calibrate", findings, source),
        familiarity=read_familiarity(folder, test.studies),
        model=model,
    )


def _manifest(folder: RunFolder) -> dict[str, Any]:
    manifest = read_manifest(folder)
    missing = [key for key in _NEEDED if key not in manifest]
    if missing:
        raise MolreError(f"lacks {', '.join(missing)}", where=folder.manifest, fix=AGAIN)
    return manifest


def _history(folder: RunFolder) -> pl.DataFrame | None:
    if not folder.table("history").is_file():
        return None
    return folder.read("history", "epoch", "train_loss", "tune_auc")


def _thresholds(model: dict[str, Any]) -> dict[str, Threshold]:
    stored = model.get("thresholds") or {}
    return {
        finding: Threshold(float(entry["value"]), str(entry.get("origin", "unknown")))
        for finding, entry in stored.items()
        if entry and entry.get("value") is not None
    }
