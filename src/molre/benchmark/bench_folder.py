"""Names of the files in BENCH.

BENCH/
  config.yaml           resolved
  cells/<cell>/         run folders, as `molre train` leaves them
  cohorts/<placement>/  the cohort of a placement that takes only some studies
  state/<job>.json      what became of it; .log what it said; .lock held while it works
  table.csv, table.md, report.html, report.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from molre import files
from molre.benchmark.config import BenchmarkConfig
from molre.workers.job import Outcome, read_outcome


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
