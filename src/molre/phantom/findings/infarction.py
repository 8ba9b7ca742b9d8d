"""Brain without blood flow, and the vessels that show why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from molre.phantom.brain import artery, venous_sinus
from molre.phantom.fields import Array, ellipsoid, soft
from molre.phantom.grid import Box
from molre.phantom.head import Head
from molre.phantom.paint import blob, free_place, name_seed, side_of
from molre.phantom.registry import generator
from molre.phantom.scene import Scene

# azimuth ranges (degrees from the front) of the cortical territories at the level of the ventricles
TERRITORIES = {"middle": (50, 115), "posterior": (145, 172), "anterior": (5, 25)}


def wedge(scene: Scene, rng: np.random.Generator, territory: str, size: float) -> tuple[Box, Array]:
    """A wedge of brain from the cortex towards the ventricle."""
    around, wide = TERRITORIES[territory], rng.uniform(15, 24) * size
    center = free_place(scene, rng, wide, up=(10, 35), around=around, depth=(12, 18))
    radii = (wide, wide * rng.uniform(0.7, 1.1), wide * rng.uniform(0.7, 1.0))
    box, weight = blob(scene, rng, center, radii, 0.3, 3.0)
    return box, weight * (scene.tissue[box] > 0.3)


def darken(scene: Scene, box: Box, weight: Array, value: float) -> Array:
    """Gray and white matter become alike at ``value`` HU; returns the mask."""
    weight = weight * scene.tissue[box]
    scene.blend(box, weight, value)
    return scene.mask((box, weight))


@generator("acute_infarct", (0, 52), "mirror", -1)
def acute_infarct(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Low density of one anterior or posterior artery's cortex, without loss of volume."""
    territory = ("posterior", "anterior")[int(rng.integers(2))]
    box, weight = wedge(scene, rng, territory, size)
    return darken(scene, box, weight, scene.head.white - rng.uniform(4, 8) * size)


@generator("mca_territory_infarct", (0, 52), "mirror", -1, also=("acute_infarct",))
def mca_territory_infarct(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Low density of a wedge of one middle cerebral artery."""
    box, weight = wedge(scene, rng, "middle", 1.15 * size)
    return darken(scene, box, weight, scene.head.white - rng.uniform(3, 8) * size)


@generator(
    "early_ischemic_changes",
    (-12, 26),
    "mirror",
    -1,
    also=("acute_infarct", "mca_territory_infarct"),
    excludes=("hypoxic_ischemic_injury", "cerebral_edema"),
)
def early_ischemic_changes(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """The insular ribbon and the lentiform nucleus fade into white matter and swell, one side."""
    center = (side_of(rng) * 42.0, -4.0, 6.0)
    radii = (15.0 * size, 22.0 * size, 11.0 * size)
    box = scene.grid.box(center, (radii[0] + 3, radii[1] + 3, radii[2] + 3))
    x, y, z = scene.grid.at(box)
    weight = soft(ellipsoid(x, y, z, center, radii), 5.0)
    value = scene.head.white - rng.uniform(0.5, 3.0) * size
    # swollen gyri close the Sylvian fissure and the sulci over the territory
    scene.blend(box, weight * scene.csf[box] * rng.uniform(0.5, 0.9), value)
    return darken(scene, box, weight, value)


@generator("subacute_infarct", (0, 52), "mirror", -1)
def subacute_infarct(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Sharp low density in the watershed between two arteries, with a brighter rim of cortex."""
    wide = rng.uniform(10, 17) * size
    around = ((28, 45), (125, 145))[int(rng.integers(2))]
    center = free_place(scene, rng, wide, up=(20, 45), around=around, depth=(10, 15))
    box, weight = blob(scene, rng, center, (wide, wide, wide), 0.25, 1.0)
    weight = weight * (scene.tissue[box] > 0.3)
    mask = darken(scene, box, weight, rng.uniform(16, 20))
    scene.add(box, weight * scene.gray[box], 8.0)
    return mask


@generator("posterior_fossa_infarct", (-58, -18), "mirror", -1)
def posterior_fossa_infarct(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A wedge of one cerebellar hemisphere; its age cannot be told."""
    side = side_of(rng)
    center = (side * rng.uniform(20, 32), rng.uniform(42, 54), rng.uniform(-42, -34))
    wide = rng.uniform(10, 17) * size
    box, weight = blob(scene, rng, center, (wide, wide, 0.75 * wide), 0.3, 2.0)
    return darken(scene, box, weight * (scene.tissue[box] > 0.3), rng.uniform(17, 24))


@generator("lacunar_infarct", (-6, 30), "surround", -1)
def lacunar_infarct(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """One to three small dark holes in the deep gray and white matter."""
    parts = []
    for _ in range(int(rng.integers(2, 5))):
        side, spot = side_of(rng), ((24.0, -6.0), (13.0, 12.0), (19.0, -20.0))[int(rng.integers(3))]
        center = (
            side * (spot[0] + rng.uniform(-3, 3)),
            spot[1] + rng.uniform(-5, 5),
            rng.uniform(4, 14),
        )
        radius = rng.uniform(3.2, 6.0) * size
        box, weight = blob(scene, rng, center, (radius, radius, radius * 1.25), 0.2, 1.2)
        weight = weight * (scene.tissue[box] > 0.3)
        scene.blend(box, weight, rng.uniform(8, 15))
        parts.append((box, weight))
    return scene.mask(*parts)


@generator(
    "hemorrhagic_transformation",
    (0, 52),
    "mirror",
    1,
    also=("acute_infarct", "mca_territory_infarct"),
)
def hemorrhagic_transformation(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Speckled blood inside a wedge of low density."""
    box, weight = wedge(scene, rng, "middle", size)
    darken(scene, box, weight, scene.head.white - rng.uniform(3, 7))
    speckle = soft(0.35 - scene.noise(box, name_seed(rng), 4.5), 0.4)
    blood = weight * speckle
    scene.blend(box, blood, rng.uniform(50, 62))
    return scene.mask((box, blood))


@generator("hyperdense_artery_sign", (-20, -6), "mirror", 1)
def hyperdense_artery_sign(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """One middle cerebral artery is dense and a little thick."""
    box, weight = artery(scene, "middle_cerebral", side_of(rng), extra=0.9 * size)
    scene.blend(box, weight, rng.uniform(66, 82))
    return scene.mask((box, weight))


@generator("venous_sinus_thrombosis", (-16, 70), "region", 1)
def venous_sinus_thrombosis(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """The sagittal sinus or a transverse sinus is dense and plump."""
    box = scene.grid.box((0, 50, 25), (75, 52, 60))
    x, y, z = scene.grid.at(box)
    weight = soft(venous_sinus(x, y, z, scene.depth[box]) - 1.2 * size, 1.5)
    if rng.random() < 0.5:
        weight = weight * soft(-side_of(rng) * x - 5 + 0 * z, 2.0)
    weight = weight * soft(-scene.depth[box] + 0.3, 1.0)
    scene.blend(box, weight, rng.uniform(66, 80))
    return scene.mask((box, weight))


def _global_loss(head: Head, rng: np.random.Generator, size: float) -> Head:
    middle = head.white + 0.35 * (head.gray - head.white) - rng.uniform(0, 3)
    left = max(0.0, 0.3 - 0.2 * size)
    spread = left * (head.gray - head.white)
    return replace(head, white=middle - spread / 2, gray=middle + spread / 2, leucoaraiosis=0.0)


@generator(
    "hypoxic_ischemic_injury",
    (-6, 50),
    "cortex",
    -1,
    shape=_global_loss,
    excludes=("cerebral_edema", "cerebral_atrophy", "early_ischemic_changes"),
)
def hypoxic_ischemic_injury(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Gray and white matter are alike everywhere; the mask is the gray matter."""
    return (scene.gray > 0.6) & (scene.tissue > 0.95)
