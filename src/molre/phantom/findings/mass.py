"""Tumors, cysts, fat, and lesions of bone and orbit."""

from __future__ import annotations

import numpy as np

from molre.phantom.fields import Array, soft
from molre.phantom.findings.trauma import blob_anywhere
from molre.phantom.paint import blob, direction, free_place, halo, name_seed, side_of
from molre.phantom.registry import generator
from molre.phantom.scene import Scene
from molre.phantom.skull import ORBIT

BULK = ("mass_effect",)


@generator("brain_metastasis", (0, 55), unsure=BULK)
def brain_metastasis(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """One to three round, slightly dense nodules in wide edema."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        radius = rng.uniform(4, 8) * size
        center = free_place(scene, rng, radius, up=(8, 48), around=(15, 170), depth=(10, 20))
        box, rim = halo(scene, center, (radius, radius, radius), rng.uniform(6, 12))
        scene.add(box, rim, -9.0)
        box, weight = blob(scene, rng, center, (radius, radius, radius), 0.1)
        scene.blend(box, weight, rng.uniform(43, 52))
        parts.append((box, weight))
    return scene.mask(*parts)


@generator("glioma", (-5, 50), "mirror", -1, unsure=BULK)
def glioma(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """An infiltrating dark mass with a darker, necrotic middle and an uneven denser rim."""
    wide = rng.uniform(12, 20) * size
    center = free_place(scene, rng, wide, up=(5, 35), around=(20, 150), depth=(20, 28))
    box, infiltration = blob(scene, rng, center, (1.3 * wide,) * 3, 0.35, 8.0)
    scene.blend(box, 0.8 * infiltration, 22.0)
    box, core = blob(scene, rng, center, (0.7 * wide,) * 3, 0.35, 2.0)
    scene.blend(box, core, rng.uniform(34, 42))
    box, necrosis = blob(scene, rng, center, (0.5 * wide,) * 3, 0.35, 2.0)
    scene.blend(box, necrosis, rng.uniform(10, 16))
    return scene.mask((box, necrosis))


@generator("meningioma", (-5, 66), unsure=BULK)
def meningioma(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A smooth dense mass with a broad base on the dura, sometimes calcified."""
    toward = np.array(direction(rng, (12, 60), (10, 165)))
    wide = rng.uniform(7, 14) * size
    center = scene.head.surface(tuple(toward)) - toward * 0.45 * wide
    box, weight = blob(scene, rng, tuple(center), (wide, wide, wide), 0.06)
    density = rng.uniform(45, 53)
    specks = soft(1.4 - scene.noise(box, name_seed(rng), 3.0), 0.4) * float(rng.random() < 0.3)
    scene.blend(box, weight, density + 120 * specks)
    return scene.mask((box, weight))


@generator("cerebellopontine_angle_mass", (-48, -22), "mirror", 1, unsure=BULK)
def cerebellopontine_angle_mass(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A round mass beside the pons."""
    radius = rng.uniform(7, 12) * size
    center = (side_of(rng) * rng.uniform(18, 23), rng.uniform(18, 23), rng.uniform(-37, -32))
    box, weight = blob(scene, rng, center, (radius, radius, radius), 0.12)
    scene.blend(box, weight, rng.uniform(44, 52))
    return scene.mask((box, weight))


@generator(
    "sellar_suprasellar_mass",
    (-34, -8),
    "region",
    1,
    excludes=("cisternal_subarachnoid_hemorrhage", "intracranial_aneurysm"),
)
def sellar_suprasellar_mass(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A lump of tissue fills the suprasellar cistern."""
    radius = rng.uniform(6.5, 10) * size
    center = (rng.normal(0, 1.5), -15.0, -16.0)
    box, weight = blob(scene, rng, center, (radius, radius * 0.9, radius), 0.12)
    scene.blend(box, weight, rng.uniform(40, 50))
    return scene.mask((box, weight))


@generator("pineal_region_mass", (-12, 12), "region", 1, unsure=BULK)
def pineal_region_mass(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A round mass where the pineal gland lies."""
    radius = rng.uniform(7, 12) * size
    center = (rng.normal(0, 1.0), 26.0, rng.uniform(-2, 2))
    box, weight = blob(scene, rng, center, (radius, radius, radius), 0.15)
    scene.blend(box, weight, rng.uniform(46, 54))
    return scene.mask((box, weight))


@generator("colloid_cyst", (2, 20))
def colloid_cyst(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A round dense nodule at the foramina of Monro."""
    radius = rng.uniform(4.0, 7.0) * size
    center = (rng.normal(0, 0.7), rng.uniform(-18, -13), rng.uniform(8, 12))
    box, weight = blob(scene, rng, center, (radius, radius, radius), 0.05)
    scene.blend(box, weight, rng.uniform(54, 70))
    return scene.mask((box, weight))


@generator("intracranial_lipoma", (-12, 32), "surround", -1)
def intracranial_lipoma(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Fat in the midline: over the corpus callosum or behind the midbrain."""
    radius = rng.uniform(2.8, 5.0) * size
    spot = ((0.0, -30.0, 24.0), (0.0, 20.0, 26.0), (4.0, 30.0, -6.0))[int(rng.integers(3))]
    center = (spot[0] + rng.normal(0, 1), spot[1] + rng.uniform(-4, 4), spot[2])
    box, weight = blob(scene, rng, center, (radius, 1.8 * radius, radius), 0.15)
    scene.blend(box, weight, rng.uniform(-105, -60))
    return scene.mask((box, weight))


@generator("arachnoid_cyst", (-36, 20), "region", -1, unsure=BULK)
def arachnoid_cyst(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Fluid with smooth borders in front of a temporal pole or behind the cerebellum."""
    side, wide = side_of(rng), rng.uniform(10, 17) * size
    if rng.random() < 0.65:
        center = scene.head.surface((side * 1.0, -0.6, -0.22)) * 0.86
    else:
        center = scene.head.surface((side * 0.12, 0.8, -0.42)) * 0.88
    box, weight = blob(scene, rng, tuple(center), (wide, wide, wide * 0.9), 0.05)
    scene.blend(box, weight, scene.head.csf)
    return scene.mask((box, weight))


@generator("intracranial_abscess", (0, 52), "mirror", -1, unsure=BULK)
def intracranial_abscess(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """A dark center in a smooth, thin, denser capsule, edema around it."""
    radius = rng.uniform(7, 12) * size
    center = free_place(scene, rng, radius, up=(8, 45), around=(15, 160), depth=(16, 22))
    box, rim = halo(scene, center, (radius,) * 3, rng.uniform(7, 13))
    scene.add(box, rim, -9.0)
    box, capsule = blob(scene, rng, center, (radius,) * 3, 0.0)
    scene.blend(box, capsule, rng.uniform(44, 52))
    box, pus = blob(scene, rng, center, (radius - 2.2,) * 3, 0.0)
    scene.blend(box, pus, rng.uniform(12, 20))
    return scene.mask((box, pus))


@generator("skull_lesion", (4, 64), "surround", -1)
def skull_lesion(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """One to three punched-out holes in the vault, soft tissue in the bone window."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        toward = direction(rng, (10, 50), (10, 170))
        radius = rng.uniform(5, 9) * size
        center = scene.head.surface(toward) + np.array(toward) * 0.5 * scene.head.bone
        box, weight = blob_anywhere(scene, rng, tuple(center), (radius,) * 3)
        weight = weight * scene.bone[box]
        scene.blend(box, weight, rng.uniform(40, 120))
        parts.append((box, weight))
    return scene.mask(*parts)


@generator("orbital_mass", (-50, -20), "mirror", 1)
def orbital_mass(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """Soft tissue in the fat behind one eye."""
    side, radius = side_of(rng), rng.uniform(5.5, 9) * size
    center = (side * rng.uniform(27, 34), rng.uniform(-58, -50), ORBIT[2] + rng.uniform(-3, 3))
    box, weight = blob_anywhere(scene, rng, center, (radius, radius * 1.15, radius))
    scene.blend(box, weight, rng.uniform(38, 55))
    return scene.mask((box, weight))
