"""Old damage, calcium, and what surgeons leave behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from molre.phantom.brain import ARTERIES, artery
from molre.phantom.fields import Array, Point, ellipsoid, soft
from molre.phantom.findings.infarction import wedge
from molre.phantom.findings.trauma import streaks
from molre.phantom.head import Head
from molre.phantom.paint import blob, direction, halo, name_seed, rod, side_of
from molre.phantom.registry import generator
from molre.phantom.scene import Scene


def _shrunken(head: Head, rng: np.random.Generator, size: float) -> Head:
    # from nearly as much as a lifetime of healthy ageing takes (see `draw_head`), on top of it
    loss = rng.uniform(0.85, 1.25) * size
    return replace(
        head,
        gap=head.gap + 1.3 * loss,
        sulcus=head.sulcus + 0.9 * loss,
        sylvian=head.sylvian + 1.3 * loss,
        ventricle=head.ventricle + 0.2 * loss,
    )


@generator(
    "cerebral_atrophy",
    (5, 64),
    "fluid",
    1,
    shape=_shrunken,
    unsure=("ventriculomegaly",),
    excludes=(
        "cerebral_edema",
        "hydrocephalus",
        "hypoxic_ischemic_injury",
        "subdural_hygroma",
        "subacute_chronic_subdural_hemorrhage",
    ),
)
def cerebral_atrophy(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Wide sulci and fissures; mask: the outer brain, where fluid is counted."""
    return (scene.depth > 1.0) & (scene.depth < 18)


@generator("small_vessel_disease", (0, 42), "region", -1)
def small_vessel_disease(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Patchy low density of the white matter around and above the ventricles, both sides."""
    box = scene.grid.box((0, 5, 20), (52, 70, 26))
    x, y, z = scene.grid.at(box)
    around = ellipsoid(np.abs(x), y, z, (18.0, 6.0, 20.0), (17.0, 50.0, 17.0))
    patches = scene.noise(box, name_seed(rng), 10.0)
    weight = soft(around + 7.0 * patches - 2.0, 6.0) * (1 - scene.gray[box]) * scene.tissue[box]
    scene.add(box, weight, -rng.uniform(7, 13) * size)
    return scene.mask((box, weight))


@generator("chronic_infarct", (0, 52), "mirror", -1)
def chronic_infarct(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A sharp wedge nearly as dark as fluid."""
    territory = ("posterior", "anterior")[int(rng.integers(2))]
    box, weight = wedge(scene, rng, territory, 0.85 * size)
    weight = np.clip((weight - 0.35) * 3, 0, 1)
    scene.blend(box, weight, rng.uniform(9, 15) + 2 * scene.noise(box, name_seed(rng), 5.0))
    return scene.mask((box, weight))


def _ex_vacuo(head: Head, rng: np.random.Generator, size: float) -> Head:
    """The ventricle takes the place of lost brain, on its wider side: only there does it grow."""
    side = 1 if head.asymmetry > 0 else -1
    near = head.ventricle * (1 + abs(head.asymmetry)) + rng.uniform(0.15, 0.35) * size
    far = head.ventricle * (1 - abs(head.asymmetry))
    return replace(
        head, ventricle=(near + far) / 2, asymmetry=side * float((near - far) / (near + far))
    )


@generator(
    "encephalomalacia",
    (-30, 20),
    "region",
    -1,
    shape=_ex_vacuo,
    unsure=("cerebral_atrophy", "ventriculomegaly"),
)
def encephalomalacia(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A ragged cavity of fluid at a frontal or temporal pole in a rim of scar (gliosis)."""
    side = 1 if scene.head.asymmetry > 0 else -1
    toward = (side * 0.45, -1.0, -0.05) if rng.random() < 0.5 else (side * 1.0, -0.35, -0.28)
    wide = rng.uniform(9, 15) * size
    center = tuple(scene.head.surface(toward) * (1 - 0.4 * wide / 80))
    box, scar = halo(scene, center, (wide, wide, wide), rng.uniform(6, 10))
    scene.add(box, scar, -9.0)
    scene.blend(box, 0.6 * np.clip(3 * scar, 0, 1) * (scene.csf[box] > 0.2), scene.head.csf)
    box, weight = blob(scene, rng, center, (wide, wide, wide), 0.35, 3.0)
    scene.blend(box, weight, scene.head.csf + rng.uniform(0, 4))
    return scene.mask((box, weight))


@generator("intracranial_atherosclerosis", (-44, -14), "region", 1)
def intracranial_atherosclerosis(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Calcified plaque on the walls of the carotid siphons or the basilar artery."""
    parts = []
    names = list(ARTERIES)
    for name in rng.choice(names, int(rng.integers(1, 3)), replace=False):
        for side in (-1, 1):
            box, weight = artery(scene, str(name), side, extra=0.9 * size)
            plaque = weight * soft(0.1 - scene.noise(box, name_seed(rng), 3.5), 0.4)
            scene.blend(box, plaque, rng.uniform(200, 600))
            parts.append((box, plaque))
    return scene.mask(*parts)


@generator("intracranial_calcification", (-2, 58))
def intracranial_calcification(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Calcium in the basal ganglia of both sides, or one or more lumps in a hemisphere."""
    parts = []
    if rng.random() < 0.5:
        spots: list[Point] = [(side * 25.0, 0.0, 3.0) for side in (-1, 1)]
        radii: Point = (2.8 * size, 6.0 * size, 4.5)
    else:
        spots = []
        for _ in range(int(rng.integers(1, 4))):
            toward = np.array(direction(rng, (10, 50), (20, 160)))
            spots.append(tuple(scene.head.surface(tuple(toward)) - toward * rng.uniform(14, 24)))
        radii = (3.2 * size, 3.2 * size, 3.4)
    for spot in spots:
        box, weight = blob(scene, rng, spot, radii, 0.4, 1.5)
        scene.blend(box, weight, rng.uniform(90, 240))
        parts.append((box, weight))
    return scene.mask(*parts)


@generator("craniotomy", (6, 60), "surround", -1, excludes=("craniectomy_defect",))
def craniotomy(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A bone flap: a ring-shaped gap in the vault with small plates across it."""
    toward = direction(rng, (15, 38), (40, 120))
    spread = rng.uniform(0.28, 0.45)
    surface = scene.head.surface(toward)
    box = scene.grid.box(tuple(surface), (58, 58, 58))
    x, y, z = scene.grid.at(box)
    reach = np.sqrt(x * x + y * y + z * z)
    angle = np.arccos(np.clip((x * toward[0] + y * toward[1] + z * toward[2]) / reach, -1, 1))
    gap = np.abs(angle - spread) * np.float32(np.linalg.norm(surface)) - 0.9 * size
    weight = soft(gap, 1.0) * scene.bone[box]
    scene.blend(box, weight, 40.0)
    turn = np.arctan2(z - surface[2], y - surface[1])
    plates = soft(gap - 3.0, 1.5) * soft(np.abs(np.sin(1.5 * turn)) * 40 - 3, 2.0)
    plates = plates * soft(np.abs(-scene.depth[box] - scene.head.bone) - 0.9, 1.0)
    scene.blend(box, plates, 2600.0)
    return scene.mask((box, weight))


@generator("craniectomy_defect", (6, 60), "region", -1, excludes=("craniotomy",))
def craniectomy_defect(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A piece of the vault is missing."""
    toward = direction(rng, (15, 38), (40, 120))
    spread = rng.uniform(0.22, 0.4) * size
    surface = scene.head.surface(toward)
    box = scene.grid.box(tuple(surface), (62, 62, 62))
    x, y, z = scene.grid.at(box)
    reach = np.sqrt(x * x + y * y + z * z)
    angle = np.arccos(np.clip((x * toward[0] + y * toward[1] + z * toward[2]) / reach, -1, 1))
    weight = soft((angle - spread) * 70, 2.0) * (scene.bone[box] > 0.05)
    scene.blend(box, weight, rng.uniform(30, 45))
    return scene.mask((box, weight))


@generator("ventricular_catheter", (4, 50))
def ventricular_catheter(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A thin dense tube from a burr hole to the front or back horn."""
    side = side_of(rng)
    toward = (side * 0.42, -0.62, 0.8) if rng.random() < 0.6 else (side * 0.5, 0.85, 0.5)
    surface = scene.head.surface(toward) * 1.06
    tip = (side * rng.uniform(4, 9), -22.0 if toward[1] < 0 else 20.0, rng.uniform(9, 16))
    box, weight = rod(scene, tuple(surface), tip, rng.uniform(0.8, 1.2))
    scene.blend(box, weight, rng.uniform(90, 260) * size)
    return scene.mask((box, weight))


@generator("aneurysm_clip_coil", (-24, -4))
def aneurysm_clip_coil(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Metal at the circle of Willis, with streaks."""
    center = (side_of(rng) * rng.uniform(5, 26), rng.uniform(-20, -13), rng.uniform(-17, -12))
    streaks(scene, rng, center, rng.uniform(15, 60))
    if rng.random() < 0.5:
        box, weight = blob(scene, rng, center, (rng.uniform(2.0, 4.0) * size,) * 3, 0.2, 1.0)
    else:
        end = (center[0] + rng.uniform(-4, 4), center[1] + rng.uniform(-7, 7), center[2] + 2)
        box, weight = rod(scene, center, end, rng.uniform(0.9, 1.5) * size)
    scene.blend(box, weight, 3071.0)
    return scene.mask((box, weight))
