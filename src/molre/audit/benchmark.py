"""``audit(BENCH)``: every cell of a benchmark, and its table from the cells again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import molre
from molre.audit.audit import FORMAT_VERSION, Audit, audit, made
from molre.audit.bench_cells import looks, twins, weights_of
from molre.audit.bench_tables import apart, tables
from molre.audit.check import FAIL, FILES, NOT_CHECKED, NUMBERS, Check
from molre.audit.checks.reread import STUDIES
from molre.audit.run_under_audit import RunUnderAudit
from molre.benchmark.config import resolve
from molre.errors import MolreError
from molre.progress import track


@dataclass(frozen=True)
class BenchAudit:
    """What an audit of a benchmark found, or of other runs that belong together.

    Attributes:
        bench: the folder.
        checks: of its tables.
        cells: an audit of each run.
        kind: what the folder is, in words.
    """

    bench: Path
    checks: tuple[Check, ...]
    cells: tuple[Audit, ...]
    kind: str = "benchmark"

    @property
    def failed(self) -> bool:
        """Whether any check of a table or a cell failed."""
        return any(c.outcome == FAIL for c in self.checks) or any(c.failed for c in self.cells)

    @property
    def unchecked(self) -> bool:
        """Whether anything of a table or a run could not be checked."""
        here = any(check.outcome == NOT_CHECKED for check in self.checks)
        return here or any(cell.unchecked for cell in self.cells)

    def named(self) -> list[tuple[str, Audit]]:
        """Each run's audit under a name that no other has."""
        names = [cell.run.resolve().name for cell in self.cells]
        return [
            (name if names.count(name) == 1 else f"{i + 1}-{name}", cell)
            for i, (name, cell) in enumerate(zip(names, self.cells, strict=True))
        ]

    @property
    def synthetic(self) -> bool:
        """Whether any cell's scans are phantoms."""
        return any(cell.synthetic for cell in self.cells)

    def to_dict(self) -> dict[str, Any]:
        """The content of audit.json."""
        return {
            "format_version": FORMAT_VERSION,
            "molre_version": molre.__version__,
            self.kind.replace(" ", "_"): self.bench.resolve().name,
            "synthetic": self.synthetic,
            "failed": self.failed,
            "not_checked": self.unchecked,
            "checks": [vars(check) for check in self.checks],
            "cells": {name: cell.to_dict() for name, cell in self.named()},
        }


def is_benchmark(path: Path) -> bool:
    """Whether a folder is a BENCH of ``molre benchmark``."""
    return (path / "cells").is_dir() and (path / "config.yaml").is_file()


def audit_benchmark(
    bench: Path,
    *,
    cohort: Path | None = None,
    weights_dir: Path | None = None,
    device: str = "cpu",
    reread: int = STUDIES,
    reread_seed: int | None = None,
    retrain: bool = False,
) -> BenchAudit:
    """Audit every finished cell, and the tables; nothing in BENCH is changed.

    Args:
        bench: folder of ``molre benchmark``.
        cohort: where its cohort is now, if it was moved.
        weights_dir: folder with weights, in the stead of those that the configuration names.
        device: torch device.
        reread: studies of each cell to read again from their scans, test studies first.
        reread_seed: draws which.
        retrain: train each cell again.

    Raises:
        MolreError: no cell of it is finished, or config.yaml is not a configuration.
    """
    runs = sorted(p.parent for p in (bench / "cells").glob("*/manifest.json"))
    if not runs:
        raise MolreError("has no finished cell", where=bench, fix="run `molre benchmark` again")
    config = resolve(bench / "config.yaml", None)
    checks, cells = [], []
    with tempfile.TemporaryDirectory(prefix="molre-audit-") as scratch:
        again = apart(bench, config, runs, cohort, Path(scratch))
        weights = weights_of(again)
        for run in track(runs, "auditing cells"):
            try:
                name = RunUnderAudit(run).manifest.get("backbone", {}).get("name")
                done = audit(
                    run,
                    cohort=_own_cohort(bench, run) or cohort,
                    weights_dir=weights_dir or weights.get(str(name)),
                    device=device,
                    reread=reread,
                    reread_seed=reread_seed,
                    retrain=retrain,
                )
                cells.append(done)
            except (MolreError, AttributeError) as error:  # its manifest is none
                said = error.message if isinstance(error, MolreError) else "damaged manifest.json"
                checks.append(Check(FILES, f"cell {run.name}", FAIL, said))
        for what, name, checker in (
            (NUMBERS, "tables from the cells", lambda: tables(again, runs, Path(scratch))),
            (NUMBERS, "no cell holds the predictions of another", lambda: twins(runs)),
            (NUMBERS, "backbones from their weights", lambda: looks(again, weights_dir)),
        ):
            checks += made(what, name, checker)
    return BenchAudit(bench, tuple(checks), tuple(cells))


def _own_cohort(bench: Path, run: Path) -> Path | None:
    """The cohort that BENCH keeps of a placement that takes only some studies."""
    told = RunUnderAudit(run).cohort_told.place
    if told is None or told.parent.name != "cohorts":
        return None
    kept = bench / "cohorts" / told.name
    return kept if kept.is_dir() else None
