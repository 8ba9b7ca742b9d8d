"""The run folder: what was done, in files that recompute every number later.

RUN/
  config.yaml                what was asked for, resolved
  checkpoint-RATE.safetensors  the fit in progress; gone when the run is done
  embeddings/                of the backbone that the run adapted, at placement blocks
  model/                     what predicts, see :mod:`molre.model.folder`
  predictions.parquet        logit, probability and label of tune, calibrate and test
  studies.parquet            every study: patient, split, scan, how unfamiliar it is
  history.parquet            every epoch of every learning rate
  routing.parquet            gates of the test studies, of an arm with a router
  data.json                  the data in counts: flow, population, labels
  label_audit.json           how often the labels are wrong, where ``molre evaluate`` was told
  manifest.json              written last, see :mod:`molre.runs.manifest`
  metrics.parquet, ...       what ``molre evaluate`` adds: tables, report.html and report.json

An external evaluation is a run folder without what training leaves, and with rejects.csv.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from molre import files
from molre.cohort.cohort import write_table
from molre.runs.older_settings import as_written_now
from molre.runs.reading import read_json, read_table
from molre.settings_file import read_settings

AGAIN = "train the run again, or restore the file from a copy"
MANIFEST, CONFIG, COUNTS = "manifest.json", "config.yaml", "data.json"
LABEL_AUDIT = "label_audit.json"  # a copy of the audit's agreement.json
REPORT, VALUES = "report.html", "report.json"
REJECTS = "rejects.csv"  # of an external evaluation
MODEL, EMBEDDINGS = "model", "embeddings"
TRAINED_TABLES = ("predictions", "studies", "history", "routing")
METRICS = "metrics"
FURTHER_TABLES = (
    "operating_points",
    "predictive_values",
    "decision_curve",
    "subgroups",
    "abstention",
    "sensitivity",
    "label_noise",
)
TABLES = (*TRAINED_TABLES, METRICS, *FURTHER_TABLES)
# all that molre writes at the top of a run, and what of it no external evaluation has
WRITTEN = {MANIFEST, CONFIG, COUNTS, LABEL_AUDIT, REPORT, VALUES, REJECTS, MODEL, EMBEDDINGS}
WRITTEN |= {f"{name}.parquet" for name in TABLES}
OF_TRAINING = {CONFIG, COUNTS, EMBEDDINGS, "history.parquet", "routing.parquet"}


@dataclass(frozen=True)
class RunFolder:
    """The files of a run: where they are, and writing and reading those that are not tables."""

    path: Path

    @property
    def manifest(self) -> Path:
        """Written last."""
        return self.path / MANIFEST

    @property
    def is_whole(self) -> bool:
        """Whether it is a run that was finished: one with a manifest."""
        return self.manifest.is_file()

    @property
    def config(self) -> Path:
        """Written first."""
        return self.path / CONFIG

    @property
    def data(self) -> Path:
        """Counts of the data."""
        return self.path / COUNTS

    @property
    def label_audit(self) -> Path:
        """What an audit of its labels measured; most runs have none."""
        return self.path / LABEL_AUDIT

    @property
    def report(self) -> Path:
        """The page that evaluating writes."""
        return self.path / REPORT

    @property
    def rejects(self) -> Path:
        """Scans that an external evaluation could not read again."""
        return self.path / REJECTS

    @property
    def model(self) -> Path:
        """The model folder; an external evaluation has but its description."""
        return self.path / MODEL

    @property
    def description(self) -> Path:
        """model.json in the model folder."""
        return self.model / "model.json"

    @property
    def embeddings(self) -> Path:
        """What its own backbone made of the scans, where it adapted one."""
        return self.path / EMBEDDINGS

    def table(self, name: str) -> Path:
        """The file of one of :data:`TABLES`."""
        return self.path / f"{name}.parquet"

    def checkpoint(self, rate: float) -> Path:
        """The fit in progress at a learning rate."""
        return self.path / f"checkpoint-{rate:g}.safetensors"

    def checkpoints(self) -> Iterator[Path]:
        """Fits in progress, or left over."""
        return self.path.glob("checkpoint-*.safetensors")

    def settings(self) -> dict[str, Any]:
        """What config.yaml says, in today's words; nothing where there is none.

        Raises:
            MolreError: it is damaged.
        """
        if not self.config.is_file():
            return {}
        return as_written_now(read_settings(self.config, "what the run was trained with"))

    def counts(self) -> dict[str, Any]:
        """What data.json says; nothing in runs from before there was one.

        Raises:
            MolreError: it is damaged.
        """
        return read_json(self.data, AGAIN) if self.data.is_file() else {}

    def read(self, name: str, *columns: str) -> pl.DataFrame:
        """One of :data:`TABLES`.

        Raises:
            MolreError: missing, damaged, or without one of the columns.
        """
        return read_table(self.table(name), columns, AGAIN)

    def write_config(self, settings: Mapping[str, Any]) -> None:
        """Write config.yaml."""
        files.write_text(self.config, yaml.safe_dump(dict(settings), sort_keys=False))

    def write_table(self, name: str, table: pl.DataFrame) -> None:
        """Write one of :data:`TABLES`, atomically."""
        write_table(self.table(name), table)

    def write_counts(self, counts: Mapping[str, Any]) -> None:
        """Write data.json."""
        files.write_text(self.data, json.dumps(counts, indent=2) + "\n")
