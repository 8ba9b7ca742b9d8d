"""The outcome of a benchmark's cells: the run of each, or why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from molre.benchmark.grid import Cell
from molre.benchmark.plan import Bench, Plan
from molre.errors import MolreError
from molre.runs.run import Run, read_run
from molre.workers.job import Outcome


@dataclass(frozen=True)
class CellRead:
    """One cell.

    Attributes:
        cell: which.
        state: of it; ``not applicable`` was found in training.
        reason: why it is not done; empty where it is, or where it is missing.
        run: where it is done.
        outcome: of the job, where it is done.
    """

    cell: Cell
    state: Literal["done", "not applicable", "failed", "missing"]
    reason: str = ""
    run: Run | None = None
    outcome: Outcome | None = None


def read_cell(plan: Plan, cell: Cell) -> CellRead:
    """Read a cell's run, if it is whole.

    Args:
        plan: of the benchmark.
        cell: of its grid.
    """
    bench = plan.bench
    outcome = bench.folder.outcome(cell.name)
    try:
        if plan.is_done(cell):
            run = read_run(bench.folder.cell(cell.name))
            return CellRead(cell, "done", run=run, outcome=outcome)
    except MolreError as error:
        return CellRead(cell, "failed", without_place(error.message, bench))
    if outcome is None or outcome.state == "done":
        return CellRead(cell, "missing")
    if outcome.state == "not applicable":
        return CellRead(cell, "not applicable", outcome.reason)
    tries = f" ({outcome.attempts} attempts)" if outcome.attempts > 1 else ""
    return CellRead(cell, "failed", without_place(outcome.reason + tries, bench))


def without_place(reason: str, bench: Bench) -> str:
    """Without the place of BENCH, here or where a cell was tried; a report should not tell it."""
    here = reason.replace(f"{bench.folder.path}/", "")
    return re.sub(r"(?<=see )/.*/(?=state/[^/]*$)", "", here)
