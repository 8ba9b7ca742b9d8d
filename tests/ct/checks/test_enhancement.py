"""Contrast that no header tells of is seen in the sagittal sinus; nothing else is taken for it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from molre.ct.checks.enhancement import enhanced_share
from molre.ct.checks.quality import ENHANCED_SHARE
from molre.ct.checks.skull import inside_skull
from molre.ct.volume import AIR, Acquisition, SliceSource, Volume
from molre.phantom.brain import ARTERIES, artery, venous_sinus
from molre.phantom.fields import soft
from molre.phantom.head import draw_head
from molre.phantom.plan import HEAD, NOISE, SCANNER, Recipe
from molre.phantom.render import render
from molre.phantom.scanner import acquire, draw_scanner, to_stored
from tests.ct.checks.test_quality import RECIPE, names, of_slices, phantom


def enhanced(index: int, hu: float, recipe: Recipe = RECIPE) -> Volume:
    """A phantom whose venous sinuses and large arteries hold contrast."""
    head = draw_head(recipe.rng(index, HEAD))
    scanner = draw_scanner(recipe.rng(index, SCANNER), head)
    grid = scanner.grid(scanner.positions(recipe.max_slices))
    scene = render(head, grid)
    box = scene.grid.box((0, 50, 25), (75, 60, 90))
    depth = scene.depth[box]
    sinus = soft(venous_sinus(*scene.grid.at(box), depth), 1.5) * soft(0.3 - depth, 1.0)
    scene.blend(box, sinus, hu)
    for name in ARTERIES:
        for side in (1,) if name == "basilar" else (-1, 1):
            scene.blend(*artery(scene, name, side), hu)
    image = acquire(scene.hu, grid, scanner, recipe.rng(index, NOISE))
    stored = to_stored(image, grid, scanner).astype(np.int32)
    found = np.where(stored == scanner.padding, AIR, stored + scanner.intercept)
    down = np.array([0, np.cos(grid.tilt), -np.sin(grid.tilt)])
    corner = grid.xs[0] * np.array([1.0, 0, 0]) + grid.ys[0] * down
    return Volume(
        hu=np.clip(found, -1024, 3071).astype(np.int16),
        origins=corner + np.array([[0, 0, z] for z in grid.zs]),
        orientation=np.stack([[1.0, 0, 0], down]),
        pixel_spacing=(scanner.pixel, scanner.pixel),
        source=tuple(SliceSource(i) for i in range(len(found))),
        acquisition=Acquisition(slice_thickness=scanner.thickness),
    )


def turned(volume: Volume, degrees: float) -> Volume:
    return of_slices(
        volume,
        np.rint(
            ndimage.rotate(
                volume.hu.astype(np.float32),
                degrees,
                axes=(1, 2),
                reshape=False,
                order=1,
                cval=-1000,
            )
        ),
    )


def share(volume: Volume) -> float:
    return enhanced_share(inside_skull(volume), volume.positions)


@pytest.fixture(scope="module")
def contrast() -> Volume:
    return enhanced(1, 200)


def test_enhanced_sinuses_are_seen(contrast):
    assert "possible_contrast" in names(contrast)
    assert share(enhanced(2, 200)) > ENHANCED_SHARE
    assert share(enhanced(0, 300)) > ENHANCED_SHARE


@pytest.mark.parametrize("degrees", [25, -25])
def test_they_are_seen_in_a_head_that_is_turned(contrast, degrees):
    assert share(turned(contrast, degrees)) > ENHANCED_SHARE


@pytest.mark.parametrize("index", [0, 3])
def test_so_is_a_late_phase_of_150_hu(index):
    assert share(enhanced(index, 150)) > ENHANCED_SHARE


@pytest.mark.parametrize(("index", "hu"), [(1, 90), (2, 100)])
def test_a_dense_sinus_is_not_contrast(index, hu):
    assert share(enhanced(index, hu)) < 0.4


@pytest.mark.parametrize(
    "finding",
    ["venous_sinus_thrombosis", "intracranial_calcification", "aneurysm_clip_coil", "craniotomy",
     "foreign_body", "acute_subdural_hemorrhage"],
)  # fmt: skip
def test_blood_calcium_and_metal_are_not_contrast(finding):
    recipe = Recipe(777, findings=(finding,), prevalence=1.0, severity=2.0)
    assert share(phantom(recipe, 0)) < 0.4


def test_what_the_header_says_is_not_said_again(contrast):
    known = replace(contrast, acquisition=replace(contrast.acquisition, contrast=True))
    assert "possible_contrast" not in names(known)
    assert "contrast" in names(known)


def test_a_few_slices_are_not_judged(contrast):
    top = slice(len(contrast) - 4, None)
    assert share(of_slices(contrast, contrast.hu, top)) == 0.0
