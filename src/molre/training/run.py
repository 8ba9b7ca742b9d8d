"""The run folder: what was done, in files that recompute every number later."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

import molre
from molre import files
from molre.cohort.cohort import Cohort, write_table
from molre.errors import MolreError
from molre.model.calibration import Calibration
from molre.settings_file import read_settings
from molre.table_files import read_parquet
from molre.training.config import TrainConfig
from molre.training.data import Studies

FORMAT_VERSION = 1
PACKAGES = ("torch", "timm", "transformers", "numpy", "polars", "pydicom", "safetensors")


@dataclass(frozen=True)
class RunFolder:
    """Names of the files in RUN/."""

    path: Path

    @property
    def model(self) -> Path:
        """The model folder."""
        return self.path / "model"

    @property
    def manifest(self) -> Path:
        """Written last: a run with a manifest is done."""
        return self.path / "manifest.json"

    def is_done(
        self, config: TrainConfig, hashes: dict[str, str], cohort: Cohort | None = None
    ) -> bool:
        """Whether this run is there already, with the same configuration and data.

        Args:
            config: of the run that is wanted.
            hashes: of its data, see :func:`molre.training.load_splits.data_hashes`.
            cohort: whose studies may be of other patients by now, or no whole heads.

        Raises:
            MolreError: a run of another configuration, or of data that has changed since, is in
                the way.
        """
        path = self.path / "config.yaml"
        if not path.is_file():
            return False
        stored = read_settings(path, "what the run was trained with")
        # a setting that did not exist when the run was made had what is now its default
        if TrainConfig().model_dump(mode="json") | stored != config.model_dump(mode="json"):
            raise MolreError(
                "holds a run with another configuration",
                where=self.path,
                fix="choose another folder, or add --overwrite",
            )
        if not self.manifest.is_file():
            return False
        made_from = json.loads(self.manifest.read_text(encoding="utf-8"))
        changed = [name for name, value in hashes.items() if made_from.get(name) != value]
        if not changed and cohort and self._is_of_others(cohort, config):
            changed = ["patients or head checks"]
        if changed:
            names = " and ".join(name.removesuffix("_sha256") for name in changed)
            raise MolreError(
                f"holds a run from before the cohort's {names} changed",
                where=self.path,
                fix="choose another folder, or add --overwrite to train it again",
            )
        return True

    def _is_of_others(self, cohort: Cohort, config: TrainConfig) -> bool:
        """Whether a study of the run is another patient's, in another split or left out by now."""
        path, known = self.path / "studies.parquet", ["study", "patient", "split"]
        if not path.is_file():
            return False
        now = cohort.chosen().join(cohort.splits(), on="patient", how="inner")
        if not config.include_not_head:
            now = now.filter(pl.col("head").fill_null(value=True))
        return bool(len(read_parquet(path).select(known).join(now, on=known, how="anti")))

    def write_config(self, config: TrainConfig) -> None:
        """RUN/config.yaml, resolved."""
        text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
        files.write_text(self.path / "config.yaml", text)

    def write_table(self, name: str, table: pl.DataFrame) -> None:
        """RUN/NAME.parquet, atomically."""
        write_table(self.path / f"{name}.parquet", table)

    def write_data(self, counts: dict[str, Any]) -> None:
        """RUN/data.json, see :mod:`molre.training.provenance`."""
        files.write_text(self.path / "data.json", json.dumps(counts, indent=2) + "\n")

    def write_manifest(self, facts: dict[str, Any]) -> None:
        """RUN/manifest.json with versions and time added."""
        versions = {"molre": molre.__version__, "python": platform.python_version()}
        versions |= {name: importlib.metadata.version(name) for name in PACKAGES}
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        content = {
            "format_version": FORMAT_VERSION,
            **facts,
            "versions": versions,
            "created": stamp,
        }
        files.write_text(self.manifest, json.dumps(content, indent=2) + "\n")


def prediction_table(
    split: str,
    studies: Studies,
    findings: tuple[str, ...],
    logits: np.ndarray,
    calibration: Calibration,
) -> pl.DataFrame:
    """Long table: study, patient, split, finding, label (null unknown), logit, probability."""
    n, k = logits.shape
    labels = studies.targets.reshape(-1)
    return pl.DataFrame(
        {
            "study": np.repeat(np.array(studies.study, dtype=object), k).tolist(),
            "patient": np.repeat(np.array(studies.patient, dtype=object), k).tolist(),
            "split": [split] * (n * k),
            "finding": list(findings) * n,
            "label": [None if np.isnan(v) else int(v) for v in labels],
            "logit": logits.reshape(-1).astype(np.float32),
            "probability": calibration.probabilities(logits).reshape(-1).astype(np.float32),
        },
        schema_overrides={"label": pl.Int8},
    )
