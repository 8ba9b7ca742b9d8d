"""What a benchmark would take, before anything starts: cells, hours, GPU-hours and disk.

An estimate, from throughput measured here and now and from assumptions that it states.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from molre.benchmark.backbone_speed import Measured
from molre.benchmark.bench_folder import BenchFolder
from molre.benchmark.config import BenchmarkConfig, resolve
from molre.benchmark.cost import ASSUMPTIONS, BackboneCost, Sizes, cost
from molre.benchmark.grid import make_grid, of_backbone
from molre.benchmark.job_process import PROGRAM
from molre.benchmark.plan import Bench
from molre.cohort.cohort import Cohort
from molre.device import usable
from molre.progress import track
from molre.workers.count import processes
from molre.workers.job import Job, run_job


@dataclass(frozen=True)
class BenchmarkEstimate:
    """What a benchmark would take.

    Attributes:
        name: of the configuration.
        scans: of the cohort, or the number asked for.
        slices: of a scan, the mean of the chosen series.
        device: that was measured.
        cells: runs.
        not_applicable: combinations that there cannot be.
        backbones: one a backbone.
        unknown: backbones of which nothing could be found out, and why.
    """

    name: str
    scans: int
    slices: float
    device: str
    cells: int
    not_applicable: int
    backbones: tuple[BackboneCost, ...]
    unknown: tuple[tuple[str, str], ...]

    @property
    def gpu_hours(self) -> float:
        """Of all backbones."""
        return sum(b.gpu_hours or 0.0 for b in self.backbones)

    @property
    def hours(self) -> float | None:
        """On the measured device; None where one could not be measured."""
        each = [b.hours for b in self.backbones]
        return None if None in each else sum(h for h in each if h is not None)

    @property
    def gigabytes(self) -> float:
        """Of embeddings, prepared volumes and runs."""
        return sum(b.gigabytes for b in self.backbones)

    def as_json(self) -> str:
        """All of it."""
        totals = {"hours": self.hours, "gpu_hours": self.gpu_hours, "gigabytes": self.gigabytes}
        return json.dumps({**asdict(self), **totals, "assumptions": list(ASSUMPTIONS)}, indent=2)

    def as_text(self) -> str:
        """A table, totals, and the assumptions."""
        rows = [_HEADER, *(_row(b) for b in self.backbones)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
        here = "not known" if self.hours is None else f"{self.hours:,.1f} hours"
        said = [
            f"{self.name}: {self.cells} cells ({self.not_applicable} combinations not applicable), "
            f"{self.scans:,} scans of {self.slices:.0f} slices. An estimate: training ends "
            "earlier where tune stops improving.",
            "",
            *(line.rstrip() for line in lines),
            "",
            f"In total: {here} on {self.device} as measured now, or {self.gpu_hours:,.1f} "
            "GPU-hours; "
            f"{self.gigabytes:,.1f} GB of disk. Nothing was written.",
            *(f"{name}: nothing is known about it: {why}" for name, why in self.unknown),
            "Assumptions:",
            *(f"- {text}" for text in ASSUMPTIONS),
        ]
        return "\n".join(said)


_HEADER = (
    "backbone", "parameters", "input", "per second", "GFLOP", "cells",
    "hours: embed", "slice", "blocks", "GPU-hours", "disk GB", "memory GB",
)  # fmt: skip


def _row(b: BackboneCost) -> tuple[str, ...]:
    m = b.measured
    speed = "not run" if b.seconds is None else f"{1 / b.seconds:.3g} {m.unit}s"
    return (
        m.name,
        f"{m.parameters / 1e6:.2f} M",
        " x ".join(map(str, m.pixels)),
        speed,
        "?" if m.gflops is None else f"{m.gflops:,.0f}",
        str(b.cells),
        *("?" if h is None else f"{h:,.2f}" for h in (b.embed, b.slice, b.blocks)),
        "?" if b.gpu_hours is None else f"{b.gpu_hours:,.1f}",
        f"{b.gigabytes:,.1f}",
        f"{b.memory:,.1f}",
    )


def dry_run(
    config: BenchmarkConfig | str | Path,
    cohort: str | Path,
    *,
    weights_dir: str | Path | None = None,
    device: str = "cpu",
    workers: int | None = None,
    scans: int | None = None,
) -> BenchmarkEstimate:
    """Measure every backbone for a moment, each in a process of its own, and add up.

    Args:
        config: a configuration, the name of a preset, or a YAML file.
        cohort: whose scans are counted.
        weights_dir: folder with weights; published backbones are measured without.
        device: torch device.
        workers: processes that would embed; one for each core by default.
        scans: estimate for this many scans like those of the cohort.

    Raises:
        MolreError: bad configuration or cohort; nothing is applicable.
    """
    device = usable(device)
    resolved, opened = resolve(config, weights_dir), Cohort(Path(cohort))
    sizes = Sizes.of(opened, scans)
    with tempfile.TemporaryDirectory(prefix="molre-") as folder:
        bench = Bench(resolved, opened, BenchFolder(Path(folder)), device)
        found, unknown = _measure(bench, device)
    grid = make_grid(resolved, {name: m.reasons for name, m in found.items()})
    workers = processes(workers)
    costs = tuple(
        cost(resolved, m, of_backbone(grid.cells, name), sizes, device, workers)
        for name, m in found.items()
    )
    return BenchmarkEstimate(
        name=resolved.name,
        scans=sizes.scans,
        slices=sizes.slices,
        device=device if device != "cpu" else f"cpu with {workers} workers",
        cells=len(grid.cells),
        not_applicable=len(grid.not_applicable),
        backbones=costs,
        unknown=tuple(unknown),
    )


def _measure(bench: Bench, device: str) -> tuple[dict[str, Measured], Sequence[tuple[str, str]]]:
    found: dict[str, Measured] = {}
    unknown: list[tuple[str, str]] = []
    for backbone, look in track(bench.look_jobs().items(), "measuring backbones"):
        facts: dict[str, Any] = {**look.facts, "device": device}
        outcome = run_job(Job(PROGRAM, "measure", look.name, bench.state, facts, attempts=1))
        if outcome.state == "done":
            known = outcome.facts | {"pixels": tuple(outcome.facts["pixels"])}
            found[backbone] = Measured(**known)
        else:
            unknown.append((backbone, outcome.reason))
    return found, unknown
