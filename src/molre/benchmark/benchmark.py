"""``benchmark(config, cohort, out)``: the whole grid, then table.csv, table.md and report.html."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from molre.benchmark.bench_folder import BenchFolder
from molre.benchmark.collect import collect
from molre.benchmark.config import BenchmarkConfig, resolve
from molre.benchmark.plan import Bench
from molre.benchmark.run_grid import here, on_cluster, run_cells
from molre.cohort.cohort import Cohort
from molre.device import usable
from molre.errors import MolreError
from molre.output.benchmark.report import write_benchmark_report
from molre.output.benchmark.table import BenchmarkTable, write_csv, write_markdown
from molre.shard import Shard
from molre.workers import cluster, lock

TABLES = ("table.csv", "table.md", "report.html", "report.json")
OURS = ("config.yaml", "lock", "cells", "state", "cohorts", *TABLES)


@dataclass(frozen=True)
class Benchmarked:
    """A benchmark as it is now.

    Attributes:
        path: BENCH.
        table: all of it.
    """

    path: Path
    table: BenchmarkTable

    @property
    def exit_code(self) -> int:
        """1 where a cell failed; cells that another shard has yet to run are not failures."""
        return 1 if self.table.failed else 0


def benchmark(
    config: BenchmarkConfig | str | Path | None,
    cohort: str | Path,
    out: str | Path,
    *,
    weights_dir: str | Path | None = None,
    device: str = "cpu",
    workers: int | None = None,
    shard: str | tuple[int, int] | Shard | None = None,
    scheduler: str | None = None,
    only_tables: bool = False,
    overwrite: bool = False,
    unverified: bool = False,
    trust_remote_code: bool = False,
    draws: int | None = None,
) -> Benchmarked:
    """Run every cell of a grid that is not done yet, and make the tables.

    Run it again to resume where it stopped; what failed is tried again. Several runs may work on
    one BENCH at a time, on one machine or on several that see it under the same name: each cell is
    trained by one of them.

    Args:
        config: a configuration, the name of a preset, or a YAML file; None for the one in ``out``.
        cohort: embedded or not; labeled and split.
        out: BENCH, the folder to write to or to go on in.
        weights_dir: folder with weights, for backbones that name none.
        device: torch device.
        workers: processes that embed; one for each core by default.
        shard: ``"3/8"`` or ``(3, 8)``, run only the third of eight parts of the cells.
        scheduler: address of a Dask scheduler whose workers run the jobs.
        only_tables: run nothing; make the tables of what is there.
        overwrite: forget what is in BENCH.
        unverified: take backbones whose contract or code is not verified.
        trust_remote_code: let code run that comes with weights.
        draws: of the paired patient bootstrap.

    Returns:
        The table, with what failed and what is missing.

    Raises:
        MolreError: bad configuration or cohort, or a BENCH that holds something else.
    """
    consent = {"unverified": unverified, "trust_remote_code": trust_remote_code}
    part, folder = Shard.of(shard), BenchFolder(Path(os.path.abspath(out)))
    if not only_tables:
        device = usable(device, here=scheduler is None)
    _check_folder(folder.path, only_tables or config is None)
    config = folder.path / "config.yaml" if config is None else config
    resolved, opened = resolve(config, weights_dir, **consent), Cohort(Path(cohort).resolve())
    opened.splits(), opened.labels()  # say at once what is missing
    bench = Bench(resolved, opened, folder, device, workers)
    with lock.sharing(folder.path) as held:
        if overwrite and scheduler:
            cluster.reach(scheduler)
        if overwrite:
            _forget(folder.path, held)
        if not only_tables:
            run_cells(bench, part, on_cluster(scheduler) if scheduler else here)
        with lock.in_turn(folder.path):
            table = collect(bench, draws=draws)
            write_tables(table, folder.path)
    return Benchmarked(folder.path, table)


def write_tables(table: BenchmarkTable, out: Path) -> None:
    """Write :data:`TABLES` of a benchmark to a folder."""
    write_csv(table, out / "table.csv")
    write_markdown(table, out / "table.md")
    write_benchmark_report(table, out / "report.html")


def _check_folder(path: Path, is_there: bool) -> None:
    if path.exists() and not path.is_dir():
        raise MolreError("is a file", where=path, fix="name a folder to write the benchmark to")
    theirs = [p.name for p in path.iterdir() if p.name not in OURS] if path.is_dir() else []
    if theirs and not (path / "config.yaml").is_file():
        raise MolreError(
            "holds other files and is not a benchmark", where=path, fix="name a new or empty folder"
        )
    if is_there and not (path / "config.yaml").is_file():
        raise MolreError(
            "holds no benchmark yet", where=path, fix="run one there: --preset smoke, or --config"
        )


def _forget(path: Path, held: int) -> None:
    if not lock.is_alone(held):
        raise MolreError(
            "another run is at work here", where=path, fix="wait for it, or leave out --overwrite"
        )
    for name in OURS:
        if name == "lock":
            continue
        place = path / name
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    fcntl.flock(held, fcntl.LOCK_SH)  # others may join again
