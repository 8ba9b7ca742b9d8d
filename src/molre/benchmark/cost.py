"""From one measured pass to hours and gigabytes of a backbone's cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from molre.arms.arm import LAST_BLOCKS, WHOLE, BlocksAdapter
from molre.arms.arms import ARMS
from molre.benchmark.backbone_speed import Measured
from molre.benchmark.config import BenchmarkConfig
from molre.benchmark.grid import Cell
from molre.cohort.cohort import Cohort
from molre.training.config import TrainConfig
from molre.training.fit_budget import FitBudget

TFLOPS = 100.0  # sustained by one GPU
SLICE_RATE = 20_000.0  # slice embeddings a second that a slice arm is trained over, two CPU cores
BASE_GB = 1.5
WIDENED = 2  # learning rates that a search tries beyond its grid
ASSUMPTIONS = (
    "on a CPU a pass is timed on one thread by the processor's clock, and every worker is taken to "
    "be as fast",
    f"without a GPU here, GPU-hours are counted operations at {TFLOPS:g} TFLOP/s sustained, about "
    "a third of what a data-center GPU promises in bfloat16; with --device cuda they are measured",
    "every fit runs all its steps; every learning rate and seed is a fit, and a grid of several "
    f"learning rates is taken to widen by {WIDENED}",
    f"a training step at blocks costs {LAST_BLOCKS:g} passes of the backbone where its last blocks "
    f"are adapted, {WHOLE:g} where all of it is; an epoch scores tune, and a run embeds every scan "
    "once more; with tokens kept on disk (prefix_cache) it is less",
    f"slice arms train over {SLICE_RATE:,.0f} slice embeddings a second, on two CPU cores",
    "slices thinner than the contract's slab are averaged, so a scan may have fewer than counted",
    "reading and preparing scans runs beside the backbone and is not counted",
    "embeddings take 2 bytes a number; every run at blocks keeps its own; prepared volumes 2 bytes "
    "a voxel and channel; weights 4 bytes a parameter",
    f"memory: {BASE_GB:g} GB for libraries, 4 bytes a parameter, 16 where all of it is trained; "
    "activations are not counted, since slices go in chunks",
)


@dataclass(frozen=True)
class Sizes:
    """Of the cohort.

    Attributes:
        scans: all.
        slices: of one, the mean.
        train, tune: shares of the scans.
    """

    scans: int
    slices: float
    train: float
    tune: float

    @classmethod
    def of(cls, cohort: Cohort, scans: int | None = None) -> Sizes:
        """Counted, or for another number of scans like these."""
        rows = cohort.chosen().join(cohort.splits(), on="patient", how="inner")
        count, split = max(len(rows), 1), rows["split"].to_list()
        mean = rows["slices"].mean() if len(rows) else 0.0
        share = {name: split.count(name) / count for name in ("train", "tune")}
        return cls(scans or len(rows), float(mean or 0.0), share["train"], share["tune"])  # type: ignore[arg-type]


@dataclass(frozen=True)
class BackboneCost:
    """What one backbone's part takes.

    Attributes:
        measured: the backbone.
        seconds: of one pass, with all workers.
        cells: runs.
        embed, slice, blocks: hours on the measured device; None where unknown.
        gpu_hours: on a GPU, measured or from counted operations.
        gigabytes: of disk.
        memory: gigabytes of it, for one run.
    """

    measured: Measured
    seconds: float | None
    cells: int
    embed: float | None
    slice: float | None
    blocks: float | None
    gpu_hours: float | None
    gigabytes: float
    memory: float

    @property
    def hours(self) -> float | None:
        """Of all cells."""
        each = (self.embed, self.slice, self.blocks)
        return None if None in each else sum(h for h in each if h is not None)


def cost(
    config: BenchmarkConfig,
    measured: Measured,
    cells: Sequence[Cell],
    sizes: Sizes,
    device: str,
    workers: int = 1,
) -> BackboneCost:
    """Add up.

    Args:
        config: resolved.
        measured: the backbone.
        cells: its own.
        sizes: of the cohort.
        device: that was measured.
        workers: processes of one thread that share the work on a CPU.
    """
    passes = _embedding_passes(config, measured, cells, sizes)
    steps = sum(_blocks_passes(config, measured, cell, sizes) for cell in cells)
    fits = sum(_slice_embeddings(config, measured, cell, sizes) for cell in cells)
    seconds = measured.seconds
    if seconds is not None and device == "cpu":
        seconds /= workers
    trained = fits / SLICE_RATE / 3600
    embed = None if seconds is None else passes * seconds / 3600
    blocks = None if seconds is None else steps * seconds / 3600
    if device.startswith("cuda"):
        gpu = None if embed is None or blocks is None else embed + blocks
    else:
        flop = measured.gflops
        gpu = None if flop is None else (passes + steps) * flop / (TFLOPS * 1e3) / 3600
    trained_whole = any(inside.whole for cell in cells if (inside := _inside(cell)) is not None)
    return BackboneCost(
        measured=measured,
        seconds=seconds,
        cells=len(cells),
        embed=embed,
        slice=trained,
        blocks=blocks,
        gpu_hours=gpu,
        gigabytes=_gigabytes(config, measured, cells, sizes),
        memory=BASE_GB + (16 if trained_whole else 4) * measured.parameters / 1e9,
    )


def _inside(cell: Cell) -> BlocksAdapter | None:
    """What a cell trains in its backbone; None where the embeddings of a frozen one will do."""
    return ARMS[cell.arm].inside(cell.placement)


def _units(config: BenchmarkConfig, m: Measured, placement: str, sizes: Sizes) -> float:
    """Passes over one scan."""
    if m.unit == "volume":
        return 1.0
    most = config.placements[placement].slices or m.most
    return min(sizes.slices, most)


def _fitted(config: BenchmarkConfig, placement: str, sizes: Sizes) -> tuple[float, float, float]:
    """Scans of train, of tune, and all, at a placement."""
    studies = config.placements[placement].studies
    rest = sizes.scans * (1 - sizes.train - sizes.tune)
    train, tune = sizes.scans * sizes.train, sizes.scans * sizes.tune
    if studies is not None and studies < train + tune:
        shrink = studies / (train + tune)
        return train * shrink, tune * shrink, min(sizes.scans, studies + rest)
    return train, tune, float(sizes.scans)


def _embedding_passes(
    config: BenchmarkConfig, m: Measured, cells: Sequence[Cell], sizes: Sizes
) -> float:
    places = {c.placement for c in cells if _inside(c) is None}
    shared = config.placements.get("blocks")
    if shared is not None and shared.studies is None and shared.slices is None:
        places = set(list(places)[:1])  # one cohort, one contract: one pass
    return sum(_fitted(config, p, sizes)[2] * _units(config, m, p, sizes) for p in places)


def _epochs(config: BenchmarkConfig, placement: str, train: float) -> int:
    """Of all fits of a run at most, given the scans of its training split."""
    budget = config.budget_at(placement)
    rates = len(budget.learning_rates)
    run = TrainConfig(**asdict(budget))
    return (rates + WIDENED if rates > 1 else 1) * FitBudget.of(run, round(train)).epochs


def _blocks_passes(config: BenchmarkConfig, m: Measured, cell: Cell, sizes: Sizes) -> float:
    inside = _inside(cell)
    if inside is None:
        return 0.0
    train, tune, every = _fitted(config, "blocks", sizes)
    epochs = _epochs(config, "blocks", train)
    return (epochs * (inside.passes * train + tune) + every) * _units(config, m, "blocks", sizes)


def _slice_embeddings(config: BenchmarkConfig, m: Measured, cell: Cell, sizes: Sizes) -> float:
    """Slice embeddings that the head of a cell is trained over."""
    if _inside(cell) is not None:
        return 0.0
    train, tune, _ = _fitted(config, cell.placement, sizes)
    units = _units(config, m, cell.placement, sizes)
    return _epochs(config, cell.placement, train) * (train + tune) * units


def _gigabytes(config: BenchmarkConfig, m: Measured, cells: Sequence[Cell], sizes: Sizes) -> float:
    embedded = _embedding_passes(config, m, cells, sizes)
    own = [c for c in cells if _inside(c) is not None]
    for cell in own:
        embedded += _fitted(config, "blocks", sizes)[2] * _units(config, m, cell.placement, sizes)
    total = embedded * m.dim * 2 + 4 * m.parameters
    if own and m.unit == "volume":
        voxels = 1
        for edge in m.pixels:
            voxels *= edge
        total += _fitted(config, "blocks", sizes)[2] * voxels * 2
    return total / 1e9
