"""The model of a run, or a model folder that came without its run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from molre.runs.folder import RunFolder
from molre.runs.manifest import read_manifest


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from.

    Attributes:
        model: its folder.
        run: that it is of; None where that is not available.
        manifest: of the run; empty without one.
    """

    model: Path
    run: RunFolder | None
    manifest: dict[str, Any]

    @classmethod
    def at(cls, path: Path) -> ModelSource:
        """What a RUN, or a model folder, is the source of.

        Raises:
            MolreError: a run, and its manifest is damaged, or newer than this molre.
        """
        run = RunFolder(path)
        return cls(run.model, run, read_manifest(run)) if run.is_whole else cls(path, None, {})

    @property
    def description(self) -> Path:
        """Its model.json."""
        return self.model / "model.json"

    def table(self, name: str) -> pl.DataFrame | None:
        """A table of the run, if it is there."""
        if self.run is None or not self.run.table(name).is_file():
            return None
        return self.run.read(name)


def run_of_model(manifest: Mapping[str, Any]) -> Path | None:
    """The run whose model an external evaluation scored; None where it came without one.

    Args:
        manifest: of the external evaluation.
    """
    told = (manifest.get("external") or {}).get("run")
    return None if told is None else Path(str(told))
