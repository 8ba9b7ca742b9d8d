"""The brain: gyri, ventricles, cisterns, deep gray, cerebellum, membranes, vessels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.phantom.fields import Array, capsule, ellipsoid, smooth_noise, soft
from molre.phantom.grid import Box
from molre.phantom.scene import Scene

GYRUS_LATTICE = 9.0


@dataclass(eq=False)
class Bent:
    """Brain coordinates of a box after midline shift; shapes are defined in them."""

    box: Box
    x: Array
    y: Array
    z: Array
    depth: Array


def build_brain(scene: Scene) -> None:
    """Fill the cavity; sets tissue, csf, ventricle and gray."""
    head, grid = scene.head, scene.grid
    box = grid.box((0, 2, 4), (head.half_width + 4, 92, 84))
    x, y, z = grid.at(box)
    depth = scene.depth[box]
    reach = np.clip(1 - (x / head.half_width) ** 2, 0, 1)
    bump = np.exp(-(((z - 12) / 38) ** 2)) * np.exp(-(((y + 2) / 48) ** 2))
    bent = Bent(box, x - np.float32(head.shift) * reach * bump, y, z, depth)
    cavity = soft(-depth, scene.edge[box])
    fluid, cortex = _sulci(scene, bent)
    below = _below_tentorium(bent)
    fluid *= 1 - below * np.float32(0.85)
    cisterns = _cisterns(scene, bent)
    fluid = np.maximum(fluid, cisterns)
    fluid = np.maximum(fluid, soft(depth - head.gap, 1.2) * np.float32(0.85))
    ventricle = _ventricles(scene, bent)
    gray = np.maximum(cortex * (1 - below), _deep_gray(bent))
    gray = np.maximum(gray, below * _cerebellar_gray(scene, bent))
    gray *= 1 - head.edema * 0.75
    around = _periventricular(bent) * head.leucoaraiosis
    texture = smooth_noise(head.seed + 11, grid.axes_at(box), 12.0)
    hu = head.white + (head.gray - head.white) * gray + np.float32(0.7) * texture - 5.0 * around
    hu -= head.edema * 5.0
    hu += (head.csf - hu) * np.maximum(fluid, ventricle)
    hu += 3.5 * soft(depth - 3.0, 6.0) * cavity  # what beam hardening leaves under the skull
    scene.blend(box, cavity, hu)
    scene.ventricle[box] = ventricle * cavity
    scene.csf[box] = np.clip(fluid - ventricle, 0, 1) * cavity
    scene.tissue[box] = cavity * (1 - np.maximum(fluid, ventricle))
    scene.gray[box] = gray
    _membranes(scene, bent, cavity)
    _vessels(scene, bent)
    _normal_calcification(scene)


def _sulci(scene: Scene, bent: Bent) -> tuple[Array, Array]:
    """Fluid and cortex fractions: sulci are the zero set of a smooth field near the surface."""
    head, grid = scene.head, scene.grid
    folds = smooth_noise(head.seed + 10, grid.axes_at(bent.box), GYRUS_LATTICE)
    distance = np.abs(folds) * np.float32(GYRUS_LATTICE * 0.95)
    from_midline = np.abs(bent.x) + np.where(bent.z > -5, 0.0, 30.0).astype(np.float32)
    surface = np.minimum(bent.depth - head.gap, from_midline * 1.2 - 1.0)
    closed = max(0.0, 1 - 1.3 * head.edema)
    width = head.sulcus * closed * np.clip(1.25 - surface / 18.0, -1.0, 1.0)
    fluid = soft(distance - width, 1.5) * soft(surface - 17.0, 6.0)
    fissure = soft(np.abs(bent.x) - 0.5 * head.sulcus * closed - 0.4, 1.0)
    fluid = np.maximum(fluid, fissure * np.where(bent.z > 18, 0.75, 0.4) * _cerebrum_edge(bent))
    cortex = np.maximum(
        soft(distance - 3.2, 1.5) * soft(surface - 18.0, 5.0), soft(surface - 3.0, 2.0)
    )
    return fluid * np.float32(closed > 0), cortex


def _cerebrum_edge(bent: Bent) -> Array:
    """1 where the hemispheres meet: in front of, above and behind the corpus callosum."""
    callosum = ellipsoid(0 * bent.x, bent.y, bent.z, (0, 4, 4), (10, 46, 27))
    return soft(-callosum, 3.0)


def _below_tentorium(bent: Bent) -> Array:
    return soft(bent.z - tentorium_height(bent.x, bent.y), 2.0) * soft(4.0 - bent.y, 6.0)


def tentorium_height(x: Array, y: Array) -> Array:
    """Height of the tentorium, mm: a tent, highest in the midline behind the midbrain."""
    return -4.0 - 0.36 * np.abs(x) - 0.26 * np.clip(y - 22.0, 0.0, None)


def _cisterns(scene: Scene, bent: Bent) -> Array:
    """Fluid around the brain stem, above the sella, in the Sylvian fissures."""
    head = scene.head
    fluid = np.zeros(bent.depth.shape, np.float32)
    box = scene.grid.box((0, 10, -32), (34, 52, 44))
    part = _inner(bent.box, box)
    x, y, z = bent.x[part[:3]], bent.y[part[3]], bent.z[part[:3]]
    ax = np.abs(x)
    width = head.cistern
    star = np.minimum(
        ellipsoid(x, y, z, (0, -14, -20), (10.0, 9.0, 8.0)),
        capsule(ax, y, z, (4, -16, -19), (22, -22, -19), 2.4),
    )
    star = star + 3.5 * (1 - width)
    stem = ellipsoid(x, y, z, (0, 12, -30), (15.0, 13.0, 60.0))
    wobble = smooth_noise(head.seed + 12, scene.grid.axes_at(box), 8.0)
    ring = np.abs(stem - 2.5 - wobble) - 1.4 + 2.2 * (1 - width)
    ring = np.maximum(ring, np.maximum(np.abs(z + 15) - 11.0, np.abs(y - 14) - 12.0))
    prepontine = np.maximum(ellipsoid(x, y, z, (0, -2, -38), (13.0, 4.0, 16.0)), -stem)
    prepontine = prepontine + 3.0 * (1 - width)
    quadrigeminal = ellipsoid(x, y, z, (0, 28, -6), (10.0, 4.5, 7.0)) + 3.5 * (1 - width)
    magna = ellipsoid(x, y, z, (0, 46, -60), (18.0, 14.0, 11.0))
    joined = np.minimum(np.minimum(star, ring), np.minimum(prepontine, quadrigeminal))
    if head.uncus:  # the medial temporal lobe over the edge of the tentorium
        side = np.sign(head.uncus)
        uncus = ellipsoid(x, y, z, (side * 14.0, -4.0, -18.0), (11.0, 16.0, 11.0))
        joined = np.maximum(joined, -(uncus + 4.0 - abs(head.uncus)))
    fluid[part[:3]] = soft(np.minimum(joined, magna), 1.6)
    ax = np.abs(bent.x)
    wander = smooth_noise(head.seed + 13, scene.grid.axes_at(bent.box), 11.0)
    line = bent.y + 12.0 + 0.55 * (bent.z - 2.0) - 0.5 * (ax - 45) + 3.5 * wander
    sylvian = np.maximum(np.abs(line) - head.sylvian, np.abs(bent.z - 2.0) - 17.0)
    sylvian = np.maximum(sylvian, 36.0 - ax)
    insula = np.maximum(
        np.abs(ax - 39.0 + 1.5 * wander) - 0.8 * head.sylvian,
        ellipsoid(38.0 + 0 * ax, bent.y, bent.z, (38.0, -6, 3), (10, 20, 14)),
    )
    closed = 1 - head.edema
    return np.maximum(fluid, closed * soft(np.minimum(sylvian, insula), 1.5))


def _inner(outer: Box, inner: Box) -> tuple:
    """Index of ``inner`` within ``outer`` for full and for (1, R, C) arrays."""
    parts = []
    for big, small in zip(outer, inner, strict=True):
        start = max(small.start, big.start) - big.start
        parts.append(slice(start, max(start, min(small.stop, big.stop) - big.start)))
    return (*parts, (slice(None), parts[1], parts[2]))


def ventricle_distance(x: Array, y: Array, z: Array, scale: float, asymmetry: float) -> Array:
    """Signed distance (mm) to the lateral ventricles."""
    wide = np.float32(scale) * (1 + np.float32(asymmetry) * np.sign(x))
    grown = (wide - 1) * np.float32(5.0)
    ax = np.abs(x)
    rods = (
        ((7.0, -32.0, 6.0), (8.5, -6.0, 17.0), 4.2),
        ((8.5, -6.0, 17.0), (14.0, 26.0, 19.0), 4.4),
        ((14.0, 26.0, 19.0), (24.0, 40.0, 8.0), 5.6),
        ((24.0, 40.0, 8.0), (20.0, 60.0, 4.0), 3.0),
        ((24.0, 40.0, 6.0), (33.0, 12.0, -15.0), 2.2),
        ((33.0, 12.0, -15.0), (29.0, -8.0, -18.0), 2.0),
    )
    distance = capsule(ax, y, z, *rods[0]) - grown
    for start, end, radius in rods[1:]:
        np.minimum(distance, capsule(ax, y, z, start, end, radius) - grown, out=distance)
    septum = 0.7 - ax  # the septum pellucidum keeps the two apart
    return np.maximum(distance, septum)


def _ventricles(scene: Scene, bent: Bent) -> Array:
    head, grid = scene.head, scene.grid
    fluid = np.zeros(bent.depth.shape, np.float32)
    part = _inner(bent.box, grid.box((0, 12, 4), (56, 66, 44)))
    x, y, z = bent.x[part[:3]], bent.y[part[3]], bent.z[part[:3]]
    lateral = ventricle_distance(x, y, z, head.ventricle, head.asymmetry)
    third = ellipsoid(x, y, z, (0, 0, -3), (2.6 * head.ventricle, 15.0, 11.0)) * 1.0
    swollen = 1.0 - 0.75 * head.edema
    fluid[part[:3]] = soft(np.minimum(lateral + 3.0 * (1 - swollen), third), 1.4)
    part = _inner(bent.box, grid.box((0, 32, -36), (16, 16, 22)))
    x, y, z = bent.x[part[:3]], bent.y[part[3]], bent.z[part[:3]]
    fourth = ellipsoid(x, y, z, (0, 31, -36), (9.0 * head.fourth, 5.5 * head.fourth, 12.0))
    fluid[part[:3]] = np.maximum(fluid[part[:3]], soft(fourth, 1.4))
    return fluid


def _deep_gray(bent: Bent) -> Array:
    ax, y, z = np.abs(bent.x), bent.y, bent.z
    caudate = ellipsoid(ax, y, z, (15, -20, 10), (4.5, 10.0, 10.0))
    lentiform = ellipsoid(ax - 0.25 * (y + 3), y, z, (27, -3, 3), (6.0, 15.0, 10.0))
    thalamus = ellipsoid(ax + 0.25 * (y - 10), y, z, (11, 10, 6), (7.5, 13.0, 9.0))
    return soft(np.minimum(np.minimum(caudate, lentiform), thalamus), 2.0) * np.float32(0.9)


def _cerebellar_gray(scene: Scene, bent: Bent) -> Array:
    """Cerebellum mostly gray with a white core; brain stem white."""
    core = ellipsoid(np.abs(bent.x), bent.y, bent.z, (20, 42, -38), (12, 14, 8))
    stem = ellipsoid(bent.x, bent.y, bent.z, (0, 12, -30), (15, 13, 60))
    return np.float32(0.75) * soft(-core, 5.0) * soft(-stem, 3.0) + np.float32(0.15)


def _periventricular(bent: Bent) -> Array:
    ax = np.abs(bent.x)
    front = ellipsoid(ax, bent.y, bent.z, (13, -36, 8), (9, 10, 12))
    rear = ellipsoid(ax, bent.y, bent.z, (28, 44, 14), (9, 13, 13))
    return soft(np.minimum(front, rear), 8.0)


def _membranes(scene: Scene, bent: Bent, cavity: Array) -> None:
    """Falx, tentorium and the sagittal sinus."""
    head = scene.head
    falx = soft(np.abs(scene.grid.at(bent.box)[0]) - 0.2, 1.2) * soft(-(bent.z - 2.0), 2.0)
    callosum = ellipsoid(0 * bent.x, bent.y, bent.z, (0, 2, 2), (10, 52, 36))
    falx = falx * soft(-callosum, 2.0)
    tent = soft(np.abs(bent.z - tentorium_height(bent.x, bent.y)) - 0.2, 1.5)
    stem = ellipsoid(bent.x, bent.y, bent.z, (0, 14, -10), (19, 20, 40))
    tent = tent * soft(8.0 - bent.y, 4.0) * soft(-stem, 2.0)
    scene.blend(bent.box, np.maximum(falx * 0.8, tent * 0.55) * cavity, head.falx_hu)
    sinus = venous_sinus(bent.x, bent.y, bent.z, bent.depth)
    scene.blend(bent.box, soft(sinus, 1.5) * cavity, head.falx_hu - 2)


def venous_sinus(x: Array, y: Array, z: Array, depth: Array) -> Array:
    """Signed distance (mm) to the superior sagittal sinus, its confluence and transverse parts."""
    sagittal = np.maximum(np.abs(x) + 0.6 * depth - 4.5, -10.0 - z)
    sagittal = np.maximum(sagittal, -20.0 - y)
    height = tentorium_height(x, y)
    transverse = np.maximum(np.maximum(np.abs(z - height) - 3.0, depth - 6.0), 30.0 - y)
    return np.minimum(sagittal, transverse)


ARTERIES = {
    "basilar": (((0.0, 2.0, -46.0), (0.0, 0.0, -20.0)), 1.7),
    "middle_cerebral": (((7.0, -14.0, -15.0), (32.0, -16.0, -11.0)), 1.5),
    "internal_carotid": (((8.0, -16.0, -30.0), (8.0, -14.0, -15.0)), 2.0),
}


def artery(scene: Scene, name: str, side: int, extra: float = 0.0) -> tuple[Box, Array]:
    """Box and weight of an artery; ``side`` -1 right, 1 left (the basilar has none)."""
    (start, end), radius = ARTERIES[name]
    start, end = (side * start[0], *start[1:]), (side * end[0], *end[1:])
    middle = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    half = tuple(abs(a - b) / 2 + 5 for a, b in zip(start, end, strict=True))
    box = scene.grid.box(middle, half)
    return box, soft(capsule(*scene.grid.at(box), start, end, radius + extra), 1.3)


def _vessels(scene: Scene, bent: Bent) -> None:
    for name in ARTERIES:
        for side in (1,) if name == "basilar" else (-1, 1):
            box, weight = artery(scene, name, side)
            scene.blend(box, weight, scene.head.vessel_hu)


def _normal_calcification(scene: Scene) -> None:
    """Pineal and choroid plexus calcification, which are not a finding."""
    head = scene.head
    spots = [((0.0, 25.0, -1.0), 2.6, head.pineal_calcification)]
    spots += [((side * 23.0, 39.0, 10.0), 3.0, head.choroid_calcification) for side in (-1, 1)]
    for center, radius, density in spots:
        if density > 0:
            box = scene.grid.box(center, (6, 6, 6))
            distance = ellipsoid(*scene.grid.at(box), center, (radius, radius, radius))
            scene.blend(box, soft(distance, 2.0), density)
