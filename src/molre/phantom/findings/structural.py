"""Displaced, swollen or malformed brain; fluid and opaque air spaces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from molre.phantom.fields import Array, ellipsoid, soft
from molre.phantom.head import Head
from molre.phantom.paint import blob, direction, name_seed, shell, side_of
from molre.phantom.registry import generator
from molre.phantom.scene import Scene
from molre.phantom.skull import mastoid_cells, sinuses


def _shifted(head: Head, rng: np.random.Generator, size: float) -> Head:
    return replace(head, shift=side_of(rng) * rng.uniform(4.5, 10.0) * size)


@generator("midline_shift", (0, 24), "fluid", 1, shape=_shifted)
def midline_shift(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """The septum, the third and lateral ventricles lie off the middle; mask: where they now lie."""
    front = (scene.grid.y < 5) & (np.abs(scene.grid.x) < 30)
    return (scene.ventricle > 0.5) & front


def _core(scene: Scene, center: tuple, radii: tuple) -> Array:
    box = scene.grid.box(center, radii)
    return scene.mask((box, soft(ellipsoid(*scene.grid.at(box), center, radii), 1.0)))


def _effaced(head: Head, rng: np.random.Generator, size: float) -> Head:
    return replace(head, cistern=max(-0.6, 0.35 - 0.45 * size * rng.uniform(0.6, 1.4)))


@generator(
    "basal_cistern_effacement",
    (-34, -4),
    "fluid",
    -1,
    shape=_effaced,
    excludes=(
        "cerebral_atrophy",
        "cisternal_subarachnoid_hemorrhage",
        "sellar_suprasellar_mass",
        "intracranial_aneurysm",
    ),
)
def basal_cistern_effacement(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """The fluid around the midbrain and above the sella is gone; mask: where it would be."""
    return _core(scene, (0, 6, -18), (24, 34, 14)) & (scene.depth > 3)


def _uncal(head: Head, rng: np.random.Generator, size: float) -> Head:
    return replace(head, uncus=side_of(rng) * rng.uniform(6.0, 9.5) * size)


@generator(
    "transtentorial_herniation",
    (-28, -8),
    "asymmetry",
    1,
    shape=_uncal,
    excludes=(
        "basal_cistern_effacement",
        "cisternal_subarachnoid_hemorrhage",
        "sellar_suprasellar_mass",
        "cerebral_edema",
    ),
)
def transtentorial_herniation(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """One side of the suprasellar and ambient cistern is filled by the uncus; mask: that side."""
    both = _core(scene, (0, 0, -17), (21, 26, 10)) & (scene.depth > 3)
    return both & (scene.grid.x * np.sign(scene.head.uncus) > 0)


def _swollen(head: Head, rng: np.random.Generator, size: float) -> Head:
    return replace(head, edema=float(np.clip(rng.uniform(0.45, 0.95) * size, 0, 1)), gap=0.3)


@generator(
    "cerebral_edema",
    (0, 48),
    "tissue",
    -1,
    shape=_swollen,
    unsure=("mass_effect",),
    excludes=(
        "cerebral_atrophy",
        "hydrocephalus",
        "hypoxic_ischemic_injury",
        "subdural_hygroma",
        "convexity_subarachnoid_hemorrhage",
        "intraventricular_hemorrhage",
    ),
)
def cerebral_edema(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Narrow ventricles, no sulci, lower density; mask: the gray matter, which fades."""
    return (scene.gray > 0.6 * (1 - 0.75 * scene.head.edema)) & (scene.tissue > 0.9)


def _dilated(head: Head, rng: np.random.Generator, size: float) -> Head:
    grown = head.ventricle + 0.25 + rng.uniform(0.25, 0.9) * size
    return replace(head, ventricle=grown, gap=0.8 * head.gap, sulcus=0.85 * head.sulcus)


@generator(
    "hydrocephalus",
    (-2, 26),
    "fluid",
    1,
    shape=_dilated,
    excludes=("cerebral_edema", "cerebral_atrophy"),
)
def hydrocephalus(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Wide ventricles, sulci not; mask: the middle of the brain, where fluid is counted."""
    return _core(scene, (0, 6, 12), (38, 54, 20)) & (scene.depth > 20)


@generator(
    "subdural_hygroma",
    (0, 62),
    "region",
    -1,
    unsure=("mass_effect",),
    excludes=("cerebral_atrophy", "cerebral_edema", "subacute_chronic_subdural_hemorrhage"),
)
def subdural_hygroma(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Clear fluid over the frontal lobes, brain pushed away from the skull."""
    toward = direction(rng, (10, 35), (20, 60))
    thick = rng.uniform(6, 11) * size
    box, weight = shell(scene, toward, rng.uniform(0.7, 1.0), thick, False)
    scene.blend(box, weight, scene.head.csf + rng.uniform(0, 4))
    return scene.mask((box, weight))


@generator(
    "intracranial_aneurysm",
    (-28, -10),
    "region",
    1,
    excludes=("cisternal_subarachnoid_hemorrhage",),
)
def intracranial_aneurysm(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A round dense sac on the circle of Willis, at times with a calcified rim."""
    radius = rng.uniform(4.0, 7.0) * size
    center = (rng.choice((-1, 0, 1)) * rng.uniform(8, 22), rng.uniform(-20, -15), -14.0)
    box, weight = blob(scene, rng, center, (radius, radius, radius), 0.08)
    scene.blend(box, weight, rng.uniform(50, 62))
    if rng.random() < 0.35:
        rim = weight * (1 - weight) * 4 * soft(-(scene.grid.at(box)[0] - center[0]), 2.0)
        scene.blend(box, 0.7 * rim, 250.0)
    return scene.mask((box, weight))


@generator("vascular_malformation", (0, 55))
def vascular_malformation(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A tangle of slightly dense worms with specks of calcium, without edema."""
    toward = np.array(direction(rng, (10, 45), (25, 165)))
    wide = rng.uniform(10, 16) * size
    center = scene.head.surface(tuple(toward)) - toward * (wide * 0.7 + 3)
    box, weight = blob(scene, rng, tuple(center), (wide, wide, wide), 0.3, 2.0)
    worms = weight * soft(np.abs(scene.noise(box, name_seed(rng), 4.5)) - 0.5, 0.3)
    scene.blend(box, worms, rng.uniform(48, 58))
    specks = weight * soft(1.5 - scene.noise(box, name_seed(rng), 2.6), 0.4)
    scene.blend(box, specks, rng.uniform(110, 220))
    return scene.mask((box, worms))


def _low_tonsils(head: Head, rng: np.random.Generator, size: float) -> Head:
    return replace(head, tonsil=rng.uniform(5, 11) * size)


@generator("chiari_malformation", (-66, -40), "region", 1, shape=_low_tonsils)
def chiari_malformation(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Peg-like tonsils fill the foramen magnum and the cisterna magna."""
    parts = []
    for side in (-1, 1):
        center = (side * 6.5, 38.0, -60.0)
        box, weight = blob(scene, rng, center, (6.0 * size, 11.0, 13.0), 0.1, 1.5)
        scene.blend(box, weight, scene.head.gray + 1.0)
        parts.append((box, weight))
    box = scene.grid.box((0, 42, -60), (24, 24, 14))
    x, y, z = scene.grid.at(box)
    around = soft(ellipsoid(x, y, z, (0, 44, -60), (17, 17, 11)), 2.0) * soft(
        -scene.depth[box] + 1, 2
    )
    scene.blend(box, around, scene.head.gray)
    parts.append((box, around))
    return scene.mask(*parts)


@generator("paranasal_sinus_disease", (-66, -8), "region", 1)
def paranasal_sinus_disease(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Fluid levels or thick mucosa in some of the sinuses."""
    parts, cells = [], sinuses(scene)
    chosen = rng.random(len(cells)) < 0.6
    if cells and not chosen.any():
        chosen[int(rng.integers(len(cells)))] = True
    for (box, weight), take in zip(cells, chosen, strict=True):
        if take:
            y = scene.grid.at(box)[1]
            low, high = float(y.min()), float(y.max())
            level = low + (high - low) * (0.6 - 0.45 * size * rng.random())
            full = weight * soft(level - y, 1.5)
            scene.blend(box, full, rng.uniform(15, 45))
            parts.append((box, full))
    return scene.mask(*parts)


@generator("mastoid_effusion", (-60, -32), "region", 1)
def mastoid_effusion(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Fluid in the air cells behind one ear."""
    side = side_of(rng)
    box, weight = mastoid_cells(scene, side)
    weight = weight * (scene.hu[box] < 200) * (scene.skin[box] < -2)
    scene.blend(box, np.clip(weight * rng.uniform(0.75, 1.0) * size, 0, 1), rng.uniform(10, 45))
    return scene.mask((box, weight))
