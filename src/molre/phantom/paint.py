"""What the generators share: where lesions may lie, and blobs, rims, shells and lines."""

from __future__ import annotations

import numpy as np

from molre.phantom.fields import Array, Point, capsule, ellipsoid, soft
from molre.phantom.grid import Box
from molre.phantom.scene import Scene


def name_seed(rng: np.random.Generator) -> int:
    """A seed for a texture."""
    return int(rng.integers(1, 2**31))


def side_of(rng: np.random.Generator) -> int:
    """-1 right, 1 left."""
    return 1 if rng.random() < 0.5 else -1


def direction(
    rng: np.random.Generator, up: tuple[float, float], around: tuple[float, float]
) -> Point:
    """Unit vector from the origin.

    Args:
        rng: source of chance; the side is drawn too.
        up: range of the elevation, degrees.
        around: range of the azimuth, degrees, 0 = front, 90 = side, 180 = back.
    """
    elevation, azimuth = np.radians(rng.uniform(*up)), np.radians(rng.uniform(*around))
    side = side_of(rng)
    flat = np.cos(elevation)
    return (
        float(side * flat * np.sin(azimuth)),
        float(-flat * np.cos(azimuth)),
        float(np.sin(elevation)),
    )


def free_place(scene: Scene, rng: np.random.Generator, radius: float, **where: tuple) -> Point:
    """A point ``depth`` mm under the inner table that keeps clear of earlier lesions.

    Args:
        scene: the scene; the place is noted in ``scene.taken``.
        rng: source of chance.
        radius: mm to keep clear.
        where: ``up`` and ``around`` as in `direction`, ``depth`` range in mm.
    """
    for _ in range(8):
        unit = np.array(direction(rng, where["up"], where["around"]))
        surface = scene.head.surface(tuple(unit))
        shallow, deep = where["depth"]  # a lesion too large for its range lies at its shallow end
        center = surface - unit * rng.uniform(shallow, max(shallow, deep))
        clear = all(np.linalg.norm(center - at) > radius + r for at, r in scene.taken)
        if clear:
            break
    point = (float(center[0]), float(center[1]), float(center[2]))
    scene.taken.append((point, radius))
    return point


def blob(
    scene: Scene,
    rng: np.random.Generator,
    center: Point,
    radii: Point,
    rough: float = 0.25,
    edge: float = 1.5,
) -> tuple[Box, Array]:
    """A lump with an uneven border inside the brain.

    Args:
        scene: the scene.
        rng: source of chance.
        center: mm.
        radii: mm along x, y, z.
        rough: unevenness as a share of the smallest radius.
        edge: width of the border, mm.
    """
    small = min(radii)
    # a box without room for the unevenness would cut the lump off along straight lines
    reach = tuple(1.1 * r + 2.2 * rough * small + 3 for r in radii)
    box = scene.grid.box(center, (reach[0], reach[1], reach[2]))
    distance = ellipsoid(*scene.grid.at(box), center, radii)
    if rough:
        distance = distance + rough * small * scene.noise(
            box, name_seed(rng), max(2.5, 0.6 * small)
        )
    return box, soft(distance, edge) * soft(-scene.depth[box] + 0.8, 1.5)


def halo(scene: Scene, center: Point, radii: Point, wide: float) -> tuple[Box, Array]:
    """Soft shell of ``wide`` mm around an ellipsoid, stronger in white matter (edema)."""
    outer = tuple(r + wide for r in radii)
    box = scene.grid.box(center, (outer[0] + 3, outer[1] + 3, outer[2] + 3))
    distance = ellipsoid(*scene.grid.at(box), center, (outer[0], outer[1], outer[2]))
    return box, soft(distance, 0.6 * wide) * scene.tissue[box] * (1 - 0.6 * scene.gray[box])


def shell(
    scene: Scene, toward: Point, spread: float, thick: float, lens: bool
) -> tuple[Box, Array]:
    """A collection between skull and brain around the direction ``toward``.

    Args:
        scene: the scene.
        toward: unit vector.
        spread: half angle, radians.
        thick: greatest thickness, mm.
        lens: biconvex with blunt ends (epidural) instead of a crescent.
    """
    surface = scene.head.surface(toward)
    extent = float(np.linalg.norm(surface) * np.sin(min(spread, 1.5))) + 12
    box = scene.grid.box(tuple(surface * 0.8), (extent, extent, extent))
    x, y, z = scene.grid.at(box)
    reach = np.sqrt(x * x + y * y + z * z) + 1e-3
    cosine = (x * toward[0] + y * toward[1] + z * toward[2]) / reach
    angle = np.arccos(np.clip(cosine, -1, 1)) / spread
    profile = np.clip(1 - angle * angle, 0, None)
    thickness = thick * (profile if lens else np.sqrt(profile) * (0.7 + 0.3 * profile))
    depth = scene.depth[box]
    return box, soft(depth - thickness, 1.2) * soft(-depth, 1.0) * (profile > 0)


def rod(
    scene: Scene, start: Point, end: Point, radius: float, edge: float = 1.0
) -> tuple[Box, Array]:
    """A straight rod with round ends."""
    middle = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    half = tuple(abs(a - b) / 2 + radius + 2 for a, b in zip(start, end, strict=True))
    box = scene.grid.box((middle[0], middle[1], middle[2]), (half[0], half[1], half[2]))
    return box, soft(capsule(*scene.grid.at(box), start, end, radius), edge)
