"""Blood: in the brain, in the ventricles, in the sulci and cisterns, under and over the dura."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from molre.phantom.fields import Array, Point, soft
from molre.phantom.head import Head
from molre.phantom.paint import blob, direction, free_place, halo, name_seed, shell, side_of
from molre.phantom.registry import generator
from molre.phantom.scene import Scene

BULK = ("mass_effect",)  # large lesions press on something: not "absent" any more


def hematoma(scene: Scene, rng: np.random.Generator, center: Point, radius: float) -> Array:
    """Dense blood with an uneven border in a thin rim of edema; returns the mask of the blood."""
    stretch = rng.uniform(0.8, 1.25, 3) * radius
    radii = (float(stretch[0]), float(stretch[1]), float(stretch[2]))
    box, rim = halo(scene, center, radii, rng.uniform(2, 5))
    scene.add(box, rim, -8.0)
    box, weight = blob(scene, rng, center, radii, 0.35)
    texture = scene.noise(box, name_seed(rng), 5.0)
    scene.blend(box, weight, rng.uniform(58, 70) + 2.5 * texture)
    return scene.mask((box, weight))


@generator("lobar_hemorrhage", (0, 55), unsure=BULK)
def lobar_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Blood under the cortex of a lobe."""
    radius = rng.uniform(5, 12) * size
    center = free_place(scene, rng, radius, up=(8, 50), around=(15, 170), depth=(radius + 3, 22))
    return hematoma(scene, rng, center, radius)


@generator("deep_hemorrhage", (-12, 26), unsure=BULK)
def deep_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Blood in the basal ganglia or a thalamus."""
    side, radius = side_of(rng), rng.uniform(4, 9) * size
    place = ((27.0, -3.0, 4.0), (13.0, 11.0, 7.0))[int(rng.integers(2))]
    center = (side * (place[0] + rng.uniform(-3, 3)), place[1] + rng.uniform(-6, 6), place[2])
    scene.taken.append((center, radius))
    return hematoma(scene, rng, center, radius)


@generator("infratentorial_hemorrhage", (-58, -20), unsure=BULK)
def infratentorial_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Blood in the pons or a cerebellar hemisphere."""
    if rng.random() < 0.3:  # pons
        return hematoma(scene, rng, (rng.uniform(-4, 4), 10.0, -32.0), rng.uniform(4.5, 7) * size)
    center = (side_of(rng) * rng.uniform(8, 28), rng.uniform(40, 52), rng.uniform(-44, -32))
    return hematoma(scene, rng, center, rng.uniform(5, 10) * size)


def _obstructed(head: Head, rng: np.random.Generator, size: float) -> Head:
    """Blood hinders the outflow of the ventricles: they widen, short of hydrocephalus."""
    return replace(head, ventricle=head.ventricle + rng.uniform(0.05, 0.2) * size)


@generator(
    "intraventricular_hemorrhage",
    (-10, 26),
    shape=_obstructed,
    unsure=("hydrocephalus",),
)
def intraventricular_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Blood settles in the back of the ventricles with a level, or casts one or both of them."""
    x, y, z = scene.grid.x, scene.grid.y, scene.grid.z
    if rng.random() < 0.35:  # a cast, which leaves some fluid in front
        below = soft(np.abs(y - rng.uniform(-10, 30)) - 22 * size, 3.0) + 0 * z
    else:
        below = soft(rng.uniform(36, 48) - 10 * (size - 1) - y + 0 * z, 1.5)
    side = int(rng.choice((-1, 0, 1), p=(0.2, 0.6, 0.2)))
    if side:
        below = below * soft(-side * x, 1.0)
    weight = below * scene.ventricle * soft(-(z + 24), 2.0)
    everything = (slice(None), slice(None), slice(None))
    scene.blend(everything, weight, rng.uniform(58, 74))
    return scene.mask((everything, weight))


@generator("cisternal_subarachnoid_hemorrhage", (-40, -2))
def cisternal_subarachnoid_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Blood in the basal cisterns, denser in some places than in others."""
    reach = rng.uniform(24, 38) * size
    center = (rng.uniform(-8, 8), -8.0, -18.0)
    box = scene.grid.box(center, (reach * 1.3, reach, reach * 0.7))
    x, y, z = scene.grid.at(box)
    distance = np.sqrt(((x - center[0]) / 1.3) ** 2 + (y - center[1]) ** 2 + (1.4 * (z + 18)) ** 2)
    patchy = np.clip(0.75 + 0.35 * scene.noise(box, name_seed(rng), 9.0), 0.2, 1)
    weight = soft(distance - reach, 8.0) * scene.csf[box] * patchy
    scene.blend(box, weight, rng.uniform(50, 66))
    return scene.mask((box, soft(distance - reach, 8.0) * scene.csf[box]))


@generator("convexity_subarachnoid_hemorrhage", (5, 70))
def convexity_subarachnoid_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Blood in the sulci of one patch of the convexity."""
    reach = rng.uniform(17, 28) * size
    center = free_place(scene, rng, reach, up=(22, 60), around=(20, 160), depth=(4, 8))
    box = scene.grid.box(center, (reach, reach, reach))
    x, y, z = scene.grid.at(box)
    distance = np.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2)
    weight = soft(distance - reach, 6.0) * np.clip(1.7 * scene.csf[box], 0, 1)
    weight = weight * soft(2.0 - scene.depth[box], 1.0)
    scene.blend(box, weight, rng.uniform(52, 68))
    return scene.mask((box, weight))


@generator("acute_subdural_hemorrhage", (0, 62), "region", 1, unsure=BULK)
def acute_subdural_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A dense crescent under the dura."""
    toward = direction(rng, (12, 35), (55, 125))
    box, weight = shell(scene, toward, rng.uniform(0.7, 1.15), rng.uniform(4.5, 8.5) * size, False)
    scene.blend(box, weight, rng.uniform(56, 70) + 2 * scene.noise(box, name_seed(rng), 8.0))
    return scene.mask((box, weight))


@generator(
    "subacute_chronic_subdural_hemorrhage",
    (0, 62),
    "region",
    -1,
    unsure=BULK,
    excludes=("subdural_hygroma", "cerebral_atrophy"),
)
def chronic_subdural_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Darker than brain, denser than fluid, with faint membranes."""
    toward = direction(rng, (15, 40), (40, 120))
    box, weight = shell(scene, toward, rng.uniform(0.8, 1.2), rng.uniform(6, 12) * size, False)
    membranes = np.clip(1.5 - np.abs(scene.noise(box, name_seed(rng), 12.0)) * 8, 0, 1)
    scene.blend(box, weight, rng.uniform(17, 24) + 9 * membranes)
    return scene.mask((box, weight))


@generator("epidural_hemorrhage", (-8, 62), unsure=BULK)
def epidural_hemorrhage(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A dense lens between skull and dura."""
    toward = direction(rng, (8, 38), (50, 130))
    box, weight = shell(scene, toward, rng.uniform(0.3, 0.48), rng.uniform(9, 17) * size, True)
    swirl = scene.noise(box, name_seed(rng), 9.0)
    scene.blend(box, weight, rng.uniform(58, 70) - 8 * np.clip(swirl - 0.6, 0, 1))
    return scene.mask((box, weight))
