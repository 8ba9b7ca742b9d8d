"""The grid: backbone x placement x arm x seed, and the combinations that cannot exist."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from molre.arms.arms import ARMS
from molre.benchmark.config import BenchmarkConfig
from molre.errors import MolreError

Reasons = Mapping[str, Mapping[str, str]]  # placement -> arm -> why it is not applicable


@dataclass(frozen=True)
class Cell:
    """One run of the benchmark."""

    backbone: str
    placement: str
    arm: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder in BENCH/cells."""
        return f"{slug(self.backbone)}-{self.placement}-{self.arm}-{self.seed}"


@dataclass(frozen=True)
class NoCell:
    """A combination that is a row of the table and no cell."""

    backbone: str
    placement: str
    arm: str
    reason: str


@dataclass(frozen=True)
class Grid:
    """Cells in the order they are run in, and what is not applicable."""

    cells: tuple[Cell, ...]
    not_applicable: tuple[NoCell, ...]


def make_grid(config: BenchmarkConfig, reasons: Mapping[str, Reasons]) -> Grid:
    """All combinations of a configuration.

    Args:
        config: resolved.
        reasons: by backbone, what was found out about it (:mod:`molre.benchmark.inspect_backbone`).

    Raises:
        MolreError: nothing is applicable.
    """
    cells: list[Cell] = []
    barred: list[NoCell] = []
    for backbone, placement, arm in _combinations(config):
        if placement not in ARMS[arm].placements:
            reason: str | None = f"there is no arm {arm} at placement {placement}"
        else:
            reason = reasons.get(backbone, {}).get(placement, {}).get(arm)
        if reason is not None:
            barred.append(NoCell(backbone, placement, arm, reason))
            continue
        cells += [Cell(backbone, placement, arm, s) for s in config.seeds_at(placement)]
    if not cells:
        raise MolreError(
            "no combination of these backbones, placements and arms is applicable",
            fix=f"the first one is not, because {barred[0].reason}",
        )
    return Grid(tuple(cells), tuple(barred))


def _combinations(config: BenchmarkConfig) -> Iterator[tuple[str, str, str]]:
    for choice in config.backbones:
        for placement, here in config.placements.items():
            for arm in here.names(placement):
                yield choice.backbone, placement, arm


def slug(backbone: str) -> str:
    """A backbone's name as part of a file name, different for different names."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", backbone).strip("_")[:60]
    if plain == backbone:
        return plain
    return f"{plain}-{hashlib.sha256(backbone.encode()).hexdigest()[:6]}"


def of_backbone(cells: Sequence[Cell], backbone: str, placement: str | None = None) -> list[Cell]:
    """Those of one backbone, or of one of its placements."""
    return [c for c in cells if c.backbone == backbone and placement in (None, c.placement)]
