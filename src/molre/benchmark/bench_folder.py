"""Names of the files in BENCH, and what became of each job.

BENCH/
  config.yaml           resolved
  cells/<cell>/         run folders, as `molre train` leaves them
  cohorts/<placement>/  the cohort of a placement that takes only some studies
  state/<job>.json      what became of it; .log what it said; .lock held while it works
  table.csv, table.md, report.html
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from molre import files
from molre.benchmark.config import BenchmarkConfig

NOT_APPLICABLE: Literal["not applicable"] = "not applicable"  # errors of such arms begin with it
State = Literal["done", "failed", "not applicable", "busy"]


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        state: ``busy`` while another run is at it.
        reason: one sentence where it failed or is not applicable.
        attempts: processes that tried.
        facts: what it found or measured.
        asked: hash of the job it is the outcome of.
    """

    state: State
    reason: str = ""
    attempts: int = 1
    facts: dict[str, Any] = field(default_factory=dict)
    asked: str = ""


@dataclass(frozen=True)
class BenchFolder:
    """The folder of a benchmark."""

    path: Path

    def cell(self, name: str) -> Path:
        """The run folder of a cell."""
        return self.path / "cells" / name

    def state(self, name: str) -> Path:
        """What became of a job."""
        return self.path / "state" / f"{name}.json"

    def outcome(self, name: str) -> Outcome | None:
        """What became of a job; None where it has not been tried, or its record is damaged."""
        return read_outcome(self.state(name))

    def write_config(self, config: BenchmarkConfig) -> None:
        """BENCH/config.yaml, resolved."""
        text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
        files.write_text(self.path / "config.yaml", text)


def read_outcome(path: Path) -> Outcome | None:
    """An outcome as :func:`write_outcome` left it, or None."""
    try:
        return Outcome(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_outcome(path: Path, outcome: Outcome) -> None:
    """Keep what became of a job."""
    files.write_text(path, json.dumps(asdict(outcome), indent=2) + "\n")
