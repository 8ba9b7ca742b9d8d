"""``audit(BENCH)``: every cell of a benchmark, and its table from the cells again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import molre
from molre.audit.audit import FORMAT_VERSION, Audit, audit
from molre.audit.check import FAIL, NUMBERS, PASS, Check, not_checked
from molre.audit.evaluated import lines, page
from molre.audit.opened import Opened
from molre.benchmark.bench_folder import BenchFolder
from molre.benchmark.collect import collect
from molre.benchmark.config import resolve
from molre.benchmark.plan import Bench
from molre.cohort.cohort import Cohort
from molre.errors import MolreError
from molre.output.benchmark_html import write_benchmark_report
from molre.output.benchmark_table import write_csv, write_markdown
from molre.progress import track

TABLES = ("table.csv", "table.md")


@dataclass(frozen=True)
class BenchAudit:
    """What an audit of a benchmark found.

    Attributes:
        bench: the folder.
        checks: of its tables.
        cells: an audit each.
    """

    bench: Path
    checks: tuple[Check, ...]
    cells: tuple[Audit, ...]

    @property
    def failed(self) -> bool:
        """Whether any check of a table or a cell failed."""
        return any(c.outcome == FAIL for c in self.checks) or any(c.failed for c in self.cells)

    @property
    def synthetic(self) -> bool:
        """Whether any cell's scans are phantoms."""
        return any(cell.synthetic for cell in self.cells)

    def to_dict(self) -> dict[str, Any]:
        """The content of audit.json."""
        return {
            "format_version": FORMAT_VERSION,
            "molre_version": molre.__version__,
            "benchmark": self.bench.name,
            "synthetic": self.synthetic,
            "failed": self.failed,
            "checks": [vars(check) for check in self.checks],
            "cells": {cell.run.name: cell.to_dict() for cell in self.cells},
        }


def is_benchmark(path: Path) -> bool:
    """Whether a folder is a BENCH of ``molre benchmark``."""
    return (path / "cells").is_dir() and (path / "config.yaml").is_file()


def audit_benchmark(
    bench: Path, *, cohort: Path | None = None, weights_dir: Path | None = None, device: str = "cpu"
) -> BenchAudit:
    """Audit every finished cell, and the table; nothing in BENCH is changed.

    Args:
        bench: folder of ``molre benchmark``.
        cohort: where its cohort is now, if it was moved.
        weights_dir: folder with weights.
        device: torch device.

    Raises:
        MolreError: no cell of it is finished.
    """
    runs = sorted(p.parent for p in (bench / "cells").glob("*/manifest.json"))
    if not runs:
        raise MolreError("has no finished cell", where=bench, fix="run `molre benchmark` again")
    cells = []
    for run in track(runs, "auditing cells"):
        own = _own_cohort(bench, run)
        cells.append(audit(run, cohort=own or cohort, weights_dir=weights_dir, device=device))
    return BenchAudit(bench, tuple(_tables(bench, runs, cohort)), tuple(cells))


def _own_cohort(bench: Path, run: Path) -> Path | None:
    """The cohort that BENCH keeps of a placement that takes only some studies."""
    told = Path(str(Opened(run).manifest.get("cohort")))
    kept = bench / "cohorts" / told.name
    return kept if told.parent.name == "cohorts" and kept.is_dir() else None


def _tables(bench: Path, runs: list[Path], moved: Path | None) -> Iterator[Check]:
    name = "table recomputed from the cells"
    if not (bench / "table.csv").is_file():
        yield not_checked(NUMBERS, name, "there is no table yet")
        return
    place = moved or _whole_cohort(bench, runs)
    if place is None:
        yield not_checked(NUMBERS, name, "its cohort is not at hand (--cohort says where it is)")
        return
    config = resolve(bench / "config.yaml", None)
    table = collect(Bench(config, Cohort(place), BenchFolder(bench.resolve())))
    with tempfile.TemporaryDirectory(prefix="molre-audit-") as scratch:
        out = Path(scratch)
        write_csv(table, out / "table.csv")
        write_markdown(table, out / "table.md")
        write_benchmark_report(table, out / "report.html")
        for file in TABLES:
            stored, again = _text(bench / file), _text(out / file)
            yield lines(f"{file} from the cells", stored.splitlines(), again.splitlines())
        report = _text(bench / "report.html"), _text(out / "report.html")
        yield from page("report.html from the cells", *report)
    done = {run.name for run in runs}
    gone = done & (set(table.missing) | {cell for cell, _ in table.failures()})
    said = f"{len(done)} finished" + (f", without {', '.join(sorted(gone))}" if gone else "")
    yield Check(NUMBERS, "every finished cell is in the table", FAIL if gone else PASS, said)


def _whole_cohort(bench: Path, runs: list[Path]) -> Path | None:
    """The cohort that the cells name, BENCH's own smaller ones aside."""
    for run in runs:
        told = Path(str(Opened(run).manifest.get("cohort")))
        if told.parent.name != "cohorts" and (told / "cohort.json").is_file():
            return told
    return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
