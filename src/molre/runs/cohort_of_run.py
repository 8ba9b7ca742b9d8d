"""The cohort of a run: the folder that its manifest names, where that is still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from molre import files
from molre.cohort.cohort import Cohort
from molre.errors import MolreError
from molre.labels.policy import of_sources


@dataclass
class CohortOfRun:
    """Where a run's scans and labels are.

    Args:
        manifest: of the run, or of an external evaluation.
        moved: the folder, where it is no longer where the run was made.
    """

    manifest: Mapping[str, Any]
    moved: Path | None = None

    @property
    def place(self) -> Path | None:
        """The folder, there or not; None where no manifest names one."""
        told = self.manifest.get("cohort")
        return self.moved or (Path(str(told)) if told else None)

    @property
    def name(self) -> str:
        """What the folder was called when the run was made; a move does not change it."""
        return Path(str(self.manifest.get("cohort") or "")).name

    @property
    def is_there(self) -> bool:
        """Whether a cohort is in its place."""
        return self.place is not None and (self.place / "cohort.json").is_file()

    @cached_property
    def opened(self) -> Cohort:
        """The cohort, be it the same or not.

        Raises:
            MolreError: it is gone, or damaged.
        """
        if self.place is None or not self.is_there:
            raise MolreError("the cohort that manifest.json names is not there")
        return Cohort(self.place)

    def scans_of(self, studies: Iterable[str]) -> pl.DataFrame:
        """Chosen series, these studies among them.

        Raises:
            MolreError: the cohort is gone, or no longer holds one of the studies.
        """
        scans = self.opened.chosen()
        gone = set(studies) - set(scans["study"])
        if gone:
            raise MolreError(f"the cohort no longer holds {len(gone)} of the test studies")
        return scans

    def labels(self) -> pl.DataFrame:
        """Long labels, as the run was made from: of the sources that count in it.

        Raises:
            MolreError: the cohort is gone, or its labels have changed.
        """
        labels = self.opened.labels()
        stored = self.manifest.get("labels_sha256")
        if stored and files.sha256(self.opened.path / "labels.parquet") != stored:
            raise MolreError("the cohort's labels have changed since the run was made")
        return of_sources(labels, self.manifest.get("label_sources") or ())
