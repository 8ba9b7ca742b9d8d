"""Broken bone, bruised brain, and air and metal where they do not belong."""

from __future__ import annotations

import numpy as np

from molre.phantom.fields import Array, Point, ellipsoid, soft
from molre.phantom.grid import Box
from molre.phantom.paint import blob, direction, free_place, name_seed, rod, side_of
from molre.phantom.registry import generator
from molre.phantom.scene import Scene
from molre.phantom.skull import ORBIT, mastoid_cells, sinuses


def crack(
    scene: Scene, rng: np.random.Generator, center: Point, reach: float, width: float
) -> tuple[Box, Array, Array]:
    """A wandering plane through bone: box, weight, and distance to the plane in mm."""
    box = scene.grid.box(center, (reach, reach, reach))
    x, y, z = scene.grid.at(box)
    out = np.array(center) / (np.linalg.norm(center) + 1e-6)
    lean = rng.uniform(-0.6, 0.6)
    normal = np.cross(out, (0.0, lean, 1.0))
    normal = normal / np.linalg.norm(normal)
    plane = normal[0] * (x - center[0]) + normal[1] * (y - center[1]) + normal[2] * (z - center[2])
    plane = plane + 2.0 * scene.noise(box, name_seed(rng), 8.0)
    away = np.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2)
    weight = soft(np.abs(plane) - width / 2, 0.8) * soft(away - reach + 3, 4.0)
    return box, weight * np.clip(1.5 * scene.bone[box], 0, 1), plane


@generator("calvarial_fracture", (0, 62), "surround", -1)
def calvarial_fracture(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A thin dark line through both tables, seen in the bone window only."""
    toward = direction(rng, (8, 45), (15, 165))
    box, weight, _ = crack(
        scene,
        rng,
        tuple(scene.head.surface(toward)),
        rng.uniform(28, 45) * size,
        rng.uniform(1.0, 1.9) * size,
    )
    scene.blend(box, weight, 60.0)
    return scene.mask((box, weight))


@generator("depressed_skull_fracture", (4, 62), "region", 1)
def depressed_skull_fracture(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A piece of the vault is pushed in by some millimeters."""
    toward = direction(rng, (12, 42), (15, 165))
    spread, inward = rng.uniform(0.16, 0.26), rng.uniform(4, 8) * size
    surface = scene.head.surface(toward)
    box = scene.grid.box(tuple(surface), (32, 32, 32))
    x, y, z = scene.grid.at(box)
    reach = np.sqrt(x * x + y * y + z * z)
    angle = np.arccos(np.clip((x * toward[0] + y * toward[1] + z * toward[2]) / reach, -1, 1))
    piece = soft((angle - spread) * 70, 1.5)
    outward, bone = -scene.depth[box], scene.head.bone
    scene.blend(box, piece * soft(outward - bone - 0.5, 1.0) * soft(-outward - 0.5, 1.0), 55.0)
    moved = outward + inward * (1 - 0.4 * angle / spread)
    fragment = piece * soft(np.abs(moved - bone / 2) - bone / 2 + 0.8, 1.0)
    scene.blend(box, fragment, scene.head.bone_hu)
    inside = fragment * (scene.depth[box] > 0.5)
    return scene.mask((box, inside))


@generator(
    "skull_base_fracture",
    (-58, -26),
    "surround",
    -1,
    unsure=("mastoid_effusion", "paranasal_sinus_disease", "pneumocephalus"),
)
def skull_base_fracture(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A line through one pyramid; blood in the air spaces beside it, bubbles above the bone."""
    side = side_of(rng)
    center = (side * rng.uniform(24, 46), rng.uniform(2, 16), rng.uniform(-44, -37))
    box, weight, _ = crack(
        scene, rng, center, rng.uniform(16, 24) * size, rng.uniform(1.2, 2.0) * size
    )
    weight = weight * (scene.hu[box] > 250)
    scene.blend(box, weight, 50.0)
    cells, air = mastoid_cells(scene, side)
    blood = air * (scene.hu[cells] < 200) * (scene.skin[cells] < -2)
    scene.blend(cells, np.clip(blood * rng.uniform(0.3, 0.6) * size, 0, 1), rng.uniform(40, 60))
    for sphenoid, air in sinuses(scene)[: int(rng.random() < 0.6)]:
        level = soft(rng.uniform(-34, -26) - scene.grid.at(sphenoid)[1], 1.5)
        scene.blend(sphenoid, air * level, rng.uniform(45, 60))
    for _ in range(int(rng.integers(0, 6))):
        spot = (center[0] + rng.normal(0, 9), center[1] + rng.normal(0, 9), center[2] + 11.0)
        at, bubble = blob(scene, rng, spot, (rng.uniform(1.0, 2.0) * size,) * 3, 0.2, 1.0)
        scene.blend(at, bubble, rng.uniform(-900, -500))
    return scene.mask((box, weight))


@generator("orbital_fracture", (-56, -20), "region", 1)
def orbital_fracture(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """The medial wall gives way: blood fills the air cells beside one orbit, fat is streaked."""
    side = side_of(rng)
    center = (side * 14.0, rng.uniform(-68, -56), ORBIT[2] + rng.uniform(-4, 3))
    box, weight = blob_anywhere(scene, rng, center, (7.0 * size, 11.0 * size, 8.0))
    weight = weight * (scene.hu[box] < -30)
    scene.blend(box, weight, rng.uniform(35, 60))
    return scene.mask((box, weight))


def blob_anywhere(
    scene: Scene, rng: np.random.Generator, center: Point, radii: Point
) -> tuple[Box, Array]:
    """A lump that need not lie in the brain."""
    box = scene.grid.box(center, tuple(1.4 * r + 2 for r in radii))
    distance = ellipsoid(*scene.grid.at(box), center, radii)
    return box, soft(distance + 0.2 * min(radii) * scene.noise(box, name_seed(rng), 5.0), 1.5)


@generator("scalp_hematoma", (-5, 66), "region", 1)
def scalp_hematoma(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """The scalp is thick and dense over a patch of the vault."""
    toward = direction(rng, (5, 45), (10, 170))
    surface = scene.head.surface(toward)
    spread, thick = rng.uniform(0.25, 0.5), rng.uniform(4, 9) * size
    box = scene.grid.box(tuple(surface * 1.1), (52, 52, 52))
    x, y, z = scene.grid.at(box)
    reach = np.sqrt(x * x + y * y + z * z)
    angle = np.arccos(np.clip((x * toward[0] + y * toward[1] + z * toward[2]) / reach, -1, 1))
    profile = np.clip(1 - (angle / spread) ** 2, 0, 1)
    outward = -scene.depth[box] - scene.head.bone
    swollen = soft(outward - scene.head.scalp - thick * profile, 1.0) * soft(-outward, 1.0)
    swollen = swollen * (profile > 0.02)
    scene.blend(box, swollen, rng.uniform(45, 62) - 6 * (1 - profile))
    return scene.mask((box, swollen))


@generator("pneumocephalus", (0, 70), "surround", -1)
def pneumocephalus(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Small bubbles under the frontal bone, where air collects in a supine patient."""
    parts = []
    for _ in range(int(rng.integers(4, 9))):
        toward = direction(rng, (10, 60), (3, 60))
        surface = scene.head.surface(toward)
        center = surface - np.array(toward) * rng.uniform(1.5, 5)
        radius = rng.uniform(1.8, 4.0) * size
        box, weight = blob(scene, rng, tuple(center), (1.5 * radius, radius, radius), 0.2, 1.0)
        scene.blend(box, weight, rng.uniform(-950, -600))
        parts.append((box, weight))
    return scene.mask(*parts)


@generator("hemorrhagic_contusion", (-34, 14), unsure=("mass_effect",))
def hemorrhagic_contusion(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Blood and edema, salt and pepper, where the brain hits rough bone."""
    side, frontal = side_of(rng), rng.random() < 0.6
    if frontal:
        toward = (side * rng.uniform(0.15, 0.5), -1.0, rng.uniform(-0.18, 0.1))
    else:
        toward = (side * 1.0, rng.uniform(-0.45, 0.1), rng.uniform(-0.4, -0.25))
    unit = np.array(toward) / np.linalg.norm(toward)
    wide = rng.uniform(8, 13) * size
    center = scene.head.surface(toward) - unit * (0.55 * wide + 2)
    box, weight = blob(scene, rng, tuple(center), (wide, wide, wide * 0.8), 0.35, 2.5)
    scene.blend(box, 0.7 * weight, 20.0)
    blood = weight * soft(-scene.noise(box, name_seed(rng), 4.5), 0.5)
    scene.blend(box, blood, rng.uniform(54, 66))
    return scene.mask((box, blood))


@generator("diffuse_axonal_injury", (-6, 60))
def diffuse_axonal_injury(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Several small foci of blood at the border of gray and white matter and in the callosum."""
    parts = []
    for _ in range(int(rng.integers(5, 11))):
        center = free_place(scene, rng, 3, up=(10, 50), around=(10, 165), depth=(10, 18))
        radius = rng.uniform(1.9, 3.4) * size
        box, weight = blob(scene, rng, center, (radius, radius, 1.2 * radius), 0.2, 1.0)
        scene.blend(box, weight, rng.uniform(56, 70))
        parts.append((box, weight))
    return scene.mask(*parts)


@generator("foreign_body", (-10, 66))
def foreign_body(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A piece of metal in the scalp, bone or brain, splinters along its path, and streaks."""
    toward = np.array(direction(rng, (5, 45), (10, 170)))
    start = scene.head.surface(tuple(toward)) + toward * rng.uniform(-25, 8)
    end = start - toward * rng.uniform(2, 5) * size + rng.normal(0, 2.0 * size, 3)
    pieces = [(start, end, rng.uniform(1.3, 2.4) * size)]
    for _ in range(int(rng.integers(1, 6))):
        spot = start + toward * rng.uniform(-25, 5) + rng.normal(0, 4, 3)
        pieces.append((spot, spot + rng.normal(0, 1.5, 3), rng.uniform(0.4, 0.9) * size))
    thick = abs(float(end[2] - start[2])) / 2 + pieces[0][2]
    streaks(scene, rng, tuple((start + end) / 2), rng.uniform(50, 140), 24.0, thick)
    parts = [rod(scene, tuple(one), tuple(other), radius) for one, other, radius in pieces]
    for box, weight in parts:
        scene.blend(box, weight, 3071.0)
    return scene.mask(*parts)


def streaks(
    scene: Scene,
    rng: np.random.Generator,
    center: Point,
    strength: float,
    fade_mm: float = 16.0,
    half_mm: float = 3.0,
) -> None:
    """Bright and dark rays around metal in the slices that cross it.

    Args:
        scene: the scene.
        rng: source of chance.
        center: middle of the metal, mm.
        strength: HU close to the metal.
        fade_mm: distance over which the rays fade; more for more metal.
        half_mm: how far the metal reaches above and below its middle.
    """
    box = scene.grid.box(center, (3 * fade_mm, 3 * fade_mm, half_mm + 1))
    if not scene.hu[box].size:
        return
    x, y, z = scene.grid.at(box)
    dx, dy = x - center[0], y - center[1]
    angle, reach = np.arctan2(dy, dx), np.sqrt(dx * dx + dy * dy) + 3
    rays = np.cos(int(rng.integers(3, 7)) * angle + rng.uniform(0, 6))
    fading = np.exp(-reach / fade_mm) * soft(np.abs(z - center[2]) - half_mm, 2.0)
    scene.add(box, fading * (scene.hu[box] > -200), strength * rays)
