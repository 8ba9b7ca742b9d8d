"""Cohort: the folder that holds scans, labels and splits, opened and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from molre import files
from molre.errors import MolreError

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Cohort:
    """A cohort folder.

    Args:
        path: made by ingest.

    Raises:
        MolreError: no cohort there, or of a newer format.
    """

    path: Path

    def __post_init__(self) -> None:
        """Check that it is one, and of a format that is read here."""
        if not (self.path / "cohort.json").is_file():
            raise MolreError(
                "is no cohort", where=self.path, fix=f"make one: molre ingest SCANS -o {self.path}"
            )
        version = self._facts.get("format_version")
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise MolreError(
                f"cohort format {version} is newer than this molre reads ({FORMAT_VERSION})",
                where=self.path,
                fix="upgrade molre",
            )

    @cached_property
    def _facts(self) -> dict[str, Any]:
        try:
            facts = json.loads((self.path / "cohort.json").read_text(encoding="utf-8"))
        except ValueError:
            facts = None
        if not isinstance(facts, dict):
            raise MolreError(
                "is damaged", where=self.path / "cohort.json", fix="ingest the scans again"
            )
        return facts

    @property
    def synthetic(self) -> bool:
        """Whether its scans are phantoms."""
        return bool(self._facts.get("synthetic"))

    @property
    def salt(self) -> bytes:
        """The key of its pseudonyms."""
        return (self.path / "salt").read_bytes()

    def scans(self) -> pl.DataFrame:
        """One row per eligible series; see :mod:`molre.cohort.scans`."""
        return self._table("scans.parquet", f"molre ingest SCANS -o {self.path}")

    def chosen(self) -> pl.DataFrame:
        """The chosen series of each study that could be read."""
        return self.scans().filter(pl.col("chosen") & pl.col("content_hash").is_not_null())

    def labels(self) -> pl.DataFrame:
        """Long labels: study_id, finding, state, source, labeller, evidence."""
        return self._table("labels.parquet", f"molre label LABELS.csv --cohort {self.path}")

    def splits(self) -> pl.DataFrame:
        """patient, split (train, tune, calibrate, test); as frozen."""
        path = self.path / "splits.csv"
        if not path.is_file():
            raise MolreError("has no splits", where=self.path, fix=f"molre split {self.path}")
        return pl.read_csv(path, schema={"patient": pl.String, "split": pl.String})

    def _table(self, name: str, remedy: str) -> pl.DataFrame:
        path = self.path / name
        if not path.is_file():
            raise MolreError(f"has no {name}", where=self.path, fix=remedy)
        try:
            return pl.read_parquet(path)
        except pl.exceptions.PolarsError:
            raise MolreError("is damaged", where=path, fix=remedy) from None


def write_facts(path: Path, synthetic: bool) -> None:
    """COHORT/cohort.json."""
    facts = {"format_version": FORMAT_VERSION, "synthetic": synthetic}
    files.write_text(path / "cohort.json", json.dumps(facts, indent=2) + "\n")


def write_table(path: Path, table: pl.DataFrame) -> None:
    """A Parquet file, whole or not at all."""
    with files.atomic(path) as part:
        table.write_parquet(part)
