"""table.csv, table.md and report.html of a benchmark, made from its cells again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from molre import table_files
from molre.audit.check import DATA, FAIL, NUMBERS, PASS, Check, compared, flagged, not_checked
from molre.audit.differences import cells, line_differences, table_differences
from molre.audit.report_differences import report
from molre.audit.run_under_audit import strangers
from molre.benchmark.bench_folder import BenchFolder
from molre.benchmark.benchmark import OURS, TABLES, write_tables
from molre.benchmark.collect import collect
from molre.benchmark.config import BenchmarkConfig
from molre.benchmark.plan import Bench
from molre.benchmark.run_grid import grid_of
from molre.benchmark.subset import subset
from molre.cohort.cohort import Cohort
from molre.errors import MolreError
from molre.output.benchmark.table import BenchmarkTable
from molre.runs.cohort_of_run import CohortOfRun
from molre.runs.folder import VALUES, RunFolder
from molre.runs.manifest import read_manifest
from molre.runs.reading import read_table

REMEDY = "molre benchmark --report"
HASHES = ("scans_sha256", "splits_sha256", "labels_sha256")
ROW = ("backbone", "placement", "arm")  # of table.csv, that name a row
NAMED = ("study", "study_id", "finding", "patient")  # of a cohort's tables, that name a row
GONE = "made from what the cells say of their cohort, which is not available (--cohort)"


@dataclass(frozen=True)
class _BenchElsewhere(Bench):
    """A benchmark whose smaller cohorts are made elsewhere, so that its folder stays as it is."""

    elsewhere: Path = Path()

    @cached_property
    def cohorts(self) -> dict[str, Path]:
        return {
            name: self.cohort.path
            if here.studies is None
            else subset(Cohort(self.cohort.path), here.studies, self.elsewhere / name)
            for name, here in self.config.placements.items()
        }


@dataclass(frozen=True)
class _CohortGone:
    """A cohort that is not available, as the cells tell of it."""

    path: Path
    synthetic: bool


@dataclass(frozen=True)
class _BenchWithoutCohort(Bench):
    """A benchmark without its cohort: its cells are held against the first of their placement."""

    told: tuple[dict[str, Any], ...] = ()

    @cached_property
    def hashes(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for manifest in self.told:
            given = {name: str(manifest.get(name)) for name in HASHES}
            found.setdefault(str(manifest.get("placement")), given)
        nothing = dict.fromkeys(HASHES, "")
        return {name: found.get(name, nothing) for name in self.config.placements}


def apart(
    folder: Path, config: BenchmarkConfig, runs: list[Path], moved: Path | None, scratch: Path
) -> Bench:
    """BENCH, to make its tables from without changing it.

    Args:
        folder: BENCH.
        config: its configuration.
        runs: its finished cells.
        moved: where the cohort is now, if it was moved.
        scratch: an empty folder.
    """
    told = tuple(manifest for run in runs if (manifest := _manifest(run)))
    smaller = {name for name, here in config.placements.items() if here.studies is not None}
    place, opened = moved or _whole_cohort(told, smaller), BenchFolder(folder.resolve())
    if place is not None:
        return _BenchElsewhere(config, Cohort(place), opened, elsewhere=scratch / "cohorts")
    where = CohortOfRun(told[0] if told else {}).place or Path()
    gone = _CohortGone(where, any(bool(one.get("synthetic")) for one in told))
    return _BenchWithoutCohort(config, gone, opened, told=told)


def tables(bench: Bench, runs: list[Path], scratch: Path) -> Iterator[Check]:
    """Compare the tables of BENCH with those that its cells give.

    Args:
        bench: from :func:`apart`.
        runs: its finished cells.
        scratch: folder to make them in.
    """
    folder = bench.folder.path
    yield from strangers(folder, {*OURS})
    if isinstance(bench, _BenchWithoutCohort):
        yield not_checked(DATA, "cohort of the benchmark", GONE)
    else:
        yield from _smaller_cohorts(bench)
    table = collect(bench)
    if any((folder / name).is_file() for name in TABLES):
        write_tables(table, scratch)
        for name in ("table.csv", "table.md"):
            yield from _table(folder, scratch, name)
        yield from report(folder, scratch, "from the cells", REMEDY)
    else:
        yield not_checked(NUMBERS, "tables from the cells", "there is no table yet")
    yield from _complete(table, bench, runs)


def _manifest(run: Path) -> dict[str, Any] | None:
    """None of a damaged one, which the audit of its cell tells."""
    try:
        return read_manifest(RunFolder(run))
    except MolreError:
        return None


def _whole_cohort(manifests: tuple[dict[str, Any], ...], smaller: set[str]) -> Path | None:
    """The cohort that the cells name, aside from BENCH's own of these placements."""
    for manifest in manifests:
        whole = CohortOfRun(manifest)
        told = whole.place
        own = told is not None and told.parent.name == "cohorts" and told.name in smaller
        if whole.is_there and not own:
            return told
    return None


def _table(bench: Path, out: Path, name: str) -> Iterator[Check]:
    words, stored, again = f"{name} from the cells", bench / name, out / name
    if not stored.is_file():
        yield Check(NUMBERS, words, FAIL, f"missing (`{REMEDY}` makes it again)")
    elif name == "table.csv":
        old, new = read_csv(stored), read_csv(again)
        yield compared(NUMBERS, words, cells(new), table_differences(old, new, ROW))
    else:
        text, made = (path.read_bytes().decode(errors="replace") for path in (stored, again))
        if not (bench / VALUES).is_file():  # an older molre put some sentences in other words
            numbers, told = _rows(made), _rows(text)
            yield compared(NUMBERS, f"{words}: rows", len(numbers), line_differences(told, numbers))
            if text != made and told == numbers:
                why = f"written before {VALUES}, in other words: run `{REMEDY}`"
                yield not_checked(NUMBERS, f"{words}: sentences", why)
        else:
            yield compared(NUMBERS, words, len(made.splitlines()), line_differences(text, made))


def _rows(text: str) -> str:
    """The lines of a text in Markdown that are rows of a table."""
    return "\n".join(line for line in text.splitlines() if line.startswith("|"))


def read_csv(path: Path) -> pl.DataFrame:
    """A CSV table.

    Raises:
        MolreError: it is none.
    """
    try:
        return table_files.read_csv(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError):
        raise MolreError("not readable as CSV", where=path) from None


def _smaller_cohorts(bench: Bench) -> Iterator[Check]:
    """Cohorts of placements that take only some studies: those that the whole one gives."""
    for placement, path in bench.cohorts.items():
        if path == bench.cohort.path:
            continue
        stored = bench.folder.path / "cohorts" / placement
        found, seen = [], 0
        for name in ("scans.parquet", "labels.parquet", "splits.csv"):
            if not (stored / name).is_file():
                found.append(f"{name} is missing")
                continue
            read = read_csv if name.endswith(".csv") else read_table
            new = read(path / name)
            seen += cells(new)
            keys = [key for key in NAMED if key in new.columns]
            found += [f"{name} {one}" for one in table_differences(read(stored / name), new, keys)]
        yield compared(DATA, f"cohorts/{placement} from the whole cohort", seen, found)


def _complete(table: BenchmarkTable, bench: Bench, runs: list[Path]) -> Iterator[Check]:
    """Every finished cell is in the table, and every cell that was asked for is finished."""
    asked, finished = [cell.name for cell in grid_of(bench).cells], [run.name for run in runs]
    refused = dict(table.failed) | dict.fromkeys(table.missing, "its outcome is not there")
    found = [f"{name} is not: {refused[name]}" for name in finished if name in refused]
    name = "every finished cell is in the table"
    if found:
        yield compared(NUMBERS, name, len(finished), found)
    else:
        yield Check(NUMBERS, name, PASS, f"{len(finished):,} cells")
    odd = sorted({*finished} - {*asked})
    yield flagged(NUMBERS, "no run beside the cells of config.yaml", len(finished), odd, "cells")
    lost = [f"{one} ({refused.get(one, 'not run')})" for one in asked if one not in set(finished)]
    yield flagged(NUMBERS, "every cell of config.yaml has been run", len(asked), lost, "cells")
