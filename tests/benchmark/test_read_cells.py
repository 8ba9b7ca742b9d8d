"""What became of a cell: each state with its reason, and no path of the machine in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.benchmark.grid import Cell
from molre.benchmark.plan import Plan
from molre.benchmark.read_cells import read_cell
from molre.workers.job import Outcome, write_outcome
from tests.helpers.benchmark.small_bench import bench, config

CELL = Cell("efficientnet_lite0", "slice", "molre", 0)


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (None, "missing", ""),
        (Outcome("done"), "missing", ""),  # its run is gone
        (Outcome("not applicable", "no attention"), "not applicable", "no attention"),
        (Outcome("failed", "it broke"), "failed", "it broke"),
        (Outcome("failed", "it broke", attempts=2), "failed", "it broke (2 attempts)"),
        (
            Outcome("failed", "killed, see {bench}/state/x.log"),
            "failed",
            "killed, see state/x.log",
        ),
        (
            Outcome("failed", "killed, see /elsewhere/bench/state/x.log"),
            "failed",
            "killed, see state/x.log",
        ),
    ],
)
def test_a_cell_without_a_run_says_why(
    cohort: Path, tmp_path: Path, outcome: Outcome | None, state: str, reason: str
) -> None:
    plan = Plan(bench(tmp_path, cohort, config()), {})
    if outcome is not None:
        said = outcome.reason.replace("{bench}", str(tmp_path))
        kept = Outcome(outcome.state, said, attempts=outcome.attempts)
        write_outcome(plan.bench.folder.state(CELL.name), kept)
    read = read_cell(plan, CELL)
    assert (read.cell, read.state, read.reason, read.run) == (CELL, state, reason, None)
