"""Every finding that is planted is in the pixels: the oracle tells planted studies from twins.

The seed is held out: generators and oracle were tuned on the seeds 20, 101, 202, 303, 404 and 505
and never on this one. Should a finding fall short here, change it by what it looks like in patients
or by what the oracle measures, check that on seeds of your own, and then take a new one here.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from molre.phantom.generators import GENERATORS, Generator
from molre.phantom.grid import Grid
from molre.phantom.head import Head, draw_head
from molre.phantom.oracle import measure
from molre.phantom.render import render
from molre.phantom.scanner import Scanner, acquire, draw_scanner
from molre.phantom.scene import Scene

SEED = 2027
PAIRS = 24
STEP_MM = 7
MAPS = ("hu", "depth", "tissue", "csf", "ventricle", "gray", "bone", "skin", "edge")


class Clean:
    """A head without findings; findings share its slices, which are rendered once.

    A slice depends on no other but for the step, and levels of findings are whole millimeters: they
    lie on one of ``STEP_MM`` grids.
    """

    def __init__(self, head: Head, scanner: Scanner) -> None:
        self.scenes = {}
        for offset in {g.levels[0] % STEP_MM for g in GENERATORS.values()}:
            levels = [g.levels for g in GENERATORS.values() if g.levels[0] % STEP_MM == offset]
            zs = heights(min(low for low, _ in levels), max(high for _, high in levels))
            self.scenes[offset] = render(head, scanner.grid(zs))

    def scene(self, grid: Grid) -> Scene:
        """A copy of the slices of a grid."""
        whole = self.scenes[int(grid.zs[0]) % STEP_MM]
        shown = np.isin(whole.grid.zs, grid.zs)
        return replace(
            whole, grid=grid, taken=[], **{name: getattr(whole, name)[shown] for name in MAPS}
        )


def heights(low: float, high: float) -> np.ndarray:
    """Slices of the levels of a finding."""
    return np.arange(low, high + 0.1, STEP_MM, dtype=np.float32)


@pytest.fixture(scope="module")
def measured() -> dict[str, list[tuple[float, float] | None]]:
    """Pairs of each finding."""
    found = defaultdict(list)
    for index in range(PAIRS):
        rng = np.random.default_rng([SEED, index])
        head = draw_head(rng)
        scanner = draw_scanner(rng, head, matrix=128)
        clean, drawn = Clean(head, scanner), rng.bit_generator.state
        for finding, generator in GENERATORS.items():
            rng.bit_generator.state = drawn
            found[finding].append(measured_pair(generator, head, scanner, clean, rng))
    return found


def measured_pair(
    generator: Generator, head: Head, scanner: Scanner, without: Clean, rng: np.random.Generator
) -> tuple[float, float] | None:
    """The measure in a planted study and in its clean twin, under independent noise."""
    grid = scanner.grid(heights(*generator.levels))
    clean = without.scene(grid)
    untouched = clean.hu.copy()
    planted = clean
    if generator.shape is not None:
        planted = render(generator.shape(head, rng, generator.scale), grid)
    mask = generator.paint(planted, rng, generator.scale)
    if not mask.any():
        return None
    with_finding = acquire(planted.hu, grid, scanner, rng)
    without_finding = acquire(untouched, grid, scanner, rng)
    return (
        measure(generator, with_finding, mask, clean),
        measure(generator, without_finding, mask, clean),
    )


@pytest.mark.parametrize("finding", list(GENERATORS))
def test_oracle_separates_planted_studies_from_clean_twins(measured, finding):
    pairs = np.array([pair for pair in measured[finding] if pair is not None])
    assert len(pairs) >= 0.8 * PAIRS, "the finding is often outside its own levels"
    wins = pairs[:, 0][:, None] - pairs[:, 1][None, :]
    auc = ((wins > 0) + 0.5 * (wins == 0)).mean()
    assert auc >= 0.95
