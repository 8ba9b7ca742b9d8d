"""One synthetic study: head, scanner, findings, slices; fixed by recipe and index."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from molre.phantom.fields import Array
from molre.phantom.findings.levels import LEVEL_DEPENDENT, normal_looks, without_dots
from molre.phantom.generators import GENERATORS
from molre.phantom.grid import Grid
from molre.phantom.head import Head, draw_head
from molre.phantom.plan import HEAD, LESION, NOISE, SCANNER, Recipe, draw_plan
from molre.phantom.render import render
from molre.phantom.scanner import Scanner, acquire, draw_scanner, to_stored


@dataclass(frozen=True, eq=False)
class PhantomStudy:
    """What is written for one study.

    Attributes:
        stored: int16 or uint16 (S, R, C), stored pixel values, slices ascending.
        masks: finding to bool (S, R, C); a finding that no slice shows has an empty mask.
    """

    index: int
    head: Head
    scanner: Scanner
    grid: Grid
    stored: Array
    masks: dict[str, Array]

    @property
    def planted(self) -> list[str]:
        """Findings that at least one slice shows."""
        return [finding for finding, mask in self.masks.items() if mask.any()]

    @property
    def missed(self) -> list[str]:
        """Findings that were planned but that no slice shows."""
        return [finding for finding, mask in self.masks.items() if not mask.any()]


def make_study(recipe: Recipe, index: int) -> PhantomStudy:
    """Make study ``index`` of a recipe."""
    head = draw_head(recipe.rng(index, HEAD))
    scanner = draw_scanner(recipe.rng(index, SCANNER), head)
    grid = scanner.grid(scanner.positions(recipe.max_slices))
    plan = draw_plan(recipe, index)
    sources = {f: recipe.rng(index, LESION + 1 + crc32(f.encode())) for f in plan}
    bent = head
    for finding in plan:
        shape = GENERATORS[finding].shape
        if shape is not None:
            size = recipe.severity * GENERATORS[finding].scale
            bent = shape(bent, sources[finding], size)
    if recipe.level_dependent:
        bent = without_dots(bent)
    scene = render(bent, grid)
    if recipe.level_dependent:
        normal_looks(scene, recipe.rng(index, LESION))
    masks = {}
    for finding in plan:
        paint = GENERATORS[finding].paint
        if recipe.level_dependent:
            paint = LEVEL_DEPENDENT.get(finding, paint)
        masks[finding] = paint(scene, sources[finding], recipe.severity * GENERATORS[finding].scale)
    image = acquire(scene.hu, grid, scanner, recipe.rng(index, NOISE))
    return PhantomStudy(index, head, scanner, grid, to_stored(image, grid, scanner), masks)
