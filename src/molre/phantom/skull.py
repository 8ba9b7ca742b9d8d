"""Scalp, vault, skull base, face, sinuses, mastoids and orbits."""

from __future__ import annotations

import numpy as np

from molre.phantom.fields import Array, capsule, ellipsoid, smooth_noise, soft
from molre.phantom.scene import Scene

FAT, MUSCLE, SKIN = -85.0, 48.0, 25.0
ORBIT = (33.0, -62.0, -36.0)  # center of the orbit; x mirrors


def ray_depth(scene: Scene) -> None:
    """Fill ``scene.depth``: mm inside the inner table, measured towards the origin."""
    head, grid = scene.head, scene.grid
    x, y, z = grid.x, grid.y, grid.z
    narrowing = 1 - head.taper * np.clip(-y / head.front, -0.3, 1.0)
    flat = (x / (head.half_width * narrowing)) ** 2
    flat = flat + (y / np.where(y < 0, head.front, head.back)) ** 2
    height = np.where(z > 0, np.float32(1 / head.top), np.float32(1 / (1.15 * head.top)))
    p = np.sqrt(flat + (z * height) ** 2)
    reach = np.sqrt(x**2 + y**2 + z**2)
    step = float(np.median(np.diff(grid.zs))) if len(grid.zs) > 1 else 5.0
    scene.edge = 1.0 + np.float32(0.5 * step) * np.abs(z) / (reach + 1)
    bumps = smooth_noise(head.seed + 1, grid.axes, 45.0)
    np.maximum(p, 1e-3, out=p)
    scene.depth = reach * (1 / p - 1) + np.float32(0.9) * bumps


def floor_height(scene: Scene) -> Array:
    """Height of the skull base, mm, (1, R, C): three steps, down towards the back."""
    x, y = np.abs(scene.grid.x), scene.grid.y
    front, middle, back = -25.0, -42.0, -66.0
    is_back = soft(6.0 + 0.35 * x - y, 12.0)
    is_front = soft(y + 30.0, 14.0)
    floor = middle + (front - middle) * is_front
    floor = floor + (-24.0 - floor) * soft(x - 9.0, 8.0) * soft(np.abs(y + 12.0) - 20.0, 10.0)
    return floor + (back - floor) * is_back


def build_outside(scene: Scene) -> None:
    """Paint everything but the brain."""
    ray_depth(scene)
    grid, head = scene.grid, scene.head
    floor = floor_height(scene)
    outward = -scene.depth
    _paint_soft_tissue(scene, outward)
    above = grid.z - floor
    vault = soft(outward - head.bone, scene.edge) * soft(-outward, scene.edge)
    vault *= soft(-(grid.z - np.where(grid.y < -30, -30.0, -62.0)), 6.0)
    base = soft(outward - 2.0, 2.0) * soft(np.abs(above + 2.0) - 2.0, 2.0)
    base *= soft(-(grid.z + 64.0), 4.0)
    scene.bone = np.maximum(vault, base * np.float32(0.8))
    marrow = soft(np.abs(outward / head.bone - 0.5) * head.bone - 0.21 * head.bone, 1.2)
    density = head.bone_hu + (head.diploe_hu - head.bone_hu) * marrow
    everything = (slice(None), slice(None), slice(None))
    scene.blend(everything, scene.bone, density)
    _petrous(scene)
    _orbits(scene)
    _air_cells(scene)
    # what lies above the base and inside the table is the cavity
    np.minimum(scene.depth, above, out=scene.depth)


def _paint_soft_tissue(scene: Scene, outward: Array) -> None:
    grid, head = scene.grid, scene.head
    everything = (slice(None), slice(None), slice(None))
    # below the equator the head does not close like the skull does: face and neck go on
    flat = (
        grid.x / (head.half_width * (1 - head.taper * np.clip(-grid.y / head.front, -0.3, 1)))
    ) ** 2
    flat = np.sqrt(flat + (grid.y / np.where(grid.y < 0, head.front, head.back)) ** 2)
    column = (np.sqrt(grid.x**2 + grid.y**2) * (1 - 1 / np.maximum(flat, 1e-3))).astype(np.float32)
    lower = column + np.float32(0.16) * np.clip(-(grid.z + 20.0), 0.0, None)
    outside = np.where(grid.z < -5, np.minimum(outward, lower), outward)
    thick = head.bone + head.scalp
    scene.skin = outside - thick
    texture = smooth_noise(head.seed + 2, grid.axes, 9.0)
    layer = np.where(outside > head.bone + 0.35 * head.scalp, FAT, MUSCLE)
    deep = np.where(outside < head.bone - 2, MUSCLE - 12 + 28 * np.minimum(texture, 0.6), layer)
    deep = np.where(outside > thick - 2.0, SKIN, deep)
    scene.blend(everything, soft(scene.skin, 1.0), deep.astype(np.float32))


def _petrous(scene: Scene) -> None:
    """The pyramids, and the dense rim of the foramen magnum and clivus."""
    grid, head = scene.grid, scene.head
    box = grid.box((0, 8, -42), (66, 40, 26))
    x, y, z = grid.at(box)
    x = np.abs(x)
    tilt = smooth_noise(head.seed + 3, grid.axes_at(box), 14.0)
    pyramid = capsule(x, y, z, (14.0, -2.0, -37.0), (58.0, 22.0, -42.0), 7.5 + 1.2 * tilt)
    clivus = capsule(x, y, z, (0.0, -12.0, -32.0), (0.0, 2.0, -60.0), 5.0)
    weight = np.maximum(soft(pyramid, 1.5), soft(clivus, 2.0))
    scene.blend(box, weight, head.bone_hu * 0.8 + 220 * tilt)
    scene.bone[box] = np.maximum(scene.bone[box], weight)
    scene.depth[box] = np.where(weight > 0.5, np.minimum(scene.depth[box], -1.0), scene.depth[box])


def _orbits(scene: Scene) -> None:
    grid, head = scene.grid, scene.head
    for side in (-1, 1):
        box = grid.box((side * ORBIT[0], ORBIT[1], ORBIT[2]), (24, 34, 22))
        x, y, z = grid.at(box)
        x = x * side
        cone = ellipsoid(x - 0.18 * (y - ORBIT[1]), y, z, ORBIT, (19.0, 26.0, 17.0))
        cone = np.maximum(cone, scene.skin[box] + 6)
        wall = soft(np.abs(cone - 1.0) - 1.2, 1.0) * soft(y + 70.0, 6.0)
        scene.blend(box, wall, 0.75 * head.bone_hu)
        scene.bone[box] = np.maximum(scene.bone[box], wall)
        scene.blend(box, soft(cone, 1.0), FAT)
        nerve = capsule(x, y, z, (34.0, -68.0, -36.0), (19.0, -42.0, -34.0), 2.2)
        scene.blend(box, soft(nerve, 1.0), 35.0)
        for dx in (-11.0, 11.0):
            muscle = capsule(
                x, y, z, (33.0 + dx, -72.0, -36.0), (20.0 + 0.3 * dx, -44.0, -35.0), 1.9
            )
            scene.blend(box, soft(muscle, 1.0), 45.0)
        globe = ellipsoid(x, y, z, (34.0, -71.0, -36.0), (11.8, 11.8, 11.8))
        scene.blend(box, soft(globe, 1.0), 14.0)
        scene.blend(box, soft(np.abs(globe) - 0.6, 1.0), 48.0)
        lens = ellipsoid(x, y, z, (34.0, -80.0, -36.0), (4.2, 2.0, 4.2))
        scene.blend(box, soft(lens, 1.0), 85.0)


def sinuses(scene: Scene) -> list[tuple[tuple, Array]]:
    """The air of the paranasal sinuses: (box, weight) for each, walls not included."""
    head, found = scene.head, []
    air = head.sinus_air
    cells = [
        ((0.0, -26.0, -37.0), (11 * air, 10 * air, 8 * air)),
        ((0.0, -57.0, -40.0), (9 * air, 20 * air, 11 * air)),
    ]
    for side in (-1, 1):
        cells.append(((side * 26.0, -62.0, -62.0), (13 * air, 15 * air, 12 * air)))
        cells.append(
            (
                (side * 11.0, -head.front - 2.0, -18.0),
                (12 * head.frontal_sinus, 5.0, 11 * head.frontal_sinus),
            )
        )
    for center, radii in cells:
        box = scene.grid.box(center, radii)
        if scene.hu[box].size:
            x, y, z = scene.grid.at(box)
            found.append((box, soft(ellipsoid(x, y, z, center, radii), 1.2)))
    return found


def mastoid_cells(scene: Scene, side: int) -> tuple[tuple, Array]:
    """Box and weight of the air cells behind one ear (``side`` -1 right, 1 left)."""
    center, reach = (side * 58.0, 26.0, -46.0), 12.0 * scene.head.mastoid_air
    box = scene.grid.box(center, (reach, reach * 1.3, reach * 1.3))
    x, y, z = scene.grid.at(box)
    inside = soft(ellipsoid(x, y, z, center, (reach * 0.8, reach * 1.2, reach * 1.2)), 2.0)
    walls = smooth_noise(scene.head.seed + 4, scene.grid.axes_at(box), 2.6)
    return box, inside * soft(-(walls + 0.35), 0.7)


def _air_cells(scene: Scene) -> None:
    head = scene.head
    for box, weight in sinuses(scene):
        region = np.clip(weight * 2.5, 0, 1) - weight  # a thin wall around the air
        scene.blend(box, np.clip(region, 0, 1) * 0.6, 0.6 * head.bone_hu)
        scene.blend(box, weight, -990.0)
    septa = scene.grid.box((0, -57, -40), (10, 22, 13))
    walls = smooth_noise(head.seed + 5, scene.grid.axes_at(septa), 5.0)
    x, y, z = scene.grid.at(septa)
    inside = soft(ellipsoid(x, y, z, (0, -57, -40), (9, 20, 11)), 1.0)
    scene.blend(septa, inside * soft(np.abs(walls) - 0.12, 0.2), 100.0)
    for side in (-1, 1):
        box, weight = mastoid_cells(scene, side)
        shell = ellipsoid(*scene.grid.at(box), (side * 58.0, 26.0, -46.0), (13.0, 18.0, 18.0))
        bone = soft(shell, 2.0) * soft(scene.skin[box] + 4, 2.0)
        scene.blend(box, bone, 0.7 * head.bone_hu)
        scene.bone[box] = np.maximum(scene.bone[box], bone)
        scene.blend(box, weight * bone, -850.0)
        canal = capsule(
            *scene.grid.at(box), (side * 50.0, 10.0, -48.0), (side * 80.0, 8.0, -50.0), 3.0
        )
        scene.blend(box, soft(canal, 1.0), -950.0)
