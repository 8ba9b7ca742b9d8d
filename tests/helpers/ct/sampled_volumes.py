"""Volumes sampled from formulas: what a voxel should hold is known at every point in mm."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from molre.ct.volume import AIR, SliceSource, Volume

Field = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # mm L, P, S -> HU
EVEN = np.arange(20) * 4.0  # heights of slices, mm
UNEVEN = np.array([0, 2, 4, 6, 8, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60.0])


def sampled(
    field: Field,
    heights: Sequence[float],
    *,
    tilt: float = 0.0,
    side_mm: float = 240.0,
    pixel_mm: float = 2.0,
    noise: float = 0.0,
) -> Volume:
    """Slices of ``field`` from a gantry tilted by degrees; the table moves along S.

    Args:
        field: HU at points in mm, the head's middle at (0, 0, 0).
        heights: of each slice's center along S, mm.
        noise: standard deviation, HU.
    """
    angle = np.radians(tilt)
    across, down = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), -np.sin(angle)])
    count = int(side_mm / pixel_mm)
    middle = (count - 1) / 2 * pixel_mm
    origins = np.array([np.array([0, 0, z]) - (across + down) * middle for z in heights])
    steps = np.arange(count) * pixel_mm
    points = (
        origins[:, None, None, :]
        + steps[None, :, None, None] * down
        + steps[None, None, :, None] * across
    )
    hu = field(points[..., 0], points[..., 1], points[..., 2])
    hu = hu + noise * np.random.default_rng(0).standard_normal(hu.shape)
    return Volume(
        hu=np.rint(np.clip(hu, -1024, 3071)).astype(np.int16),
        origins=origins,
        orientation=np.stack([across, down]),
        pixel_spacing=(pixel_mm, pixel_mm),
        source=tuple(SliceSource(i) for i in range(len(heights))),
    )


def head(inside: float = 32.0, bone: float = 1000.0, size: float = 1.0) -> Field:
    """An egg of scalp, skull and brain with a face of soft tissue below."""

    def field(left: np.ndarray, posterior: np.ndarray, superior: np.ndarray) -> np.ndarray:
        hu = np.full(left.shape, -1000.0)
        neck = (np.hypot(left / 60, posterior / 70) < 1) & (superior < 0) & (superior > -110)
        hu[neck] = 50
        for radius, value in ((1.0, 40.0), (0.95, bone), (0.87, inside)):
            inner = (left / 75) ** 2 + (posterior / 92) ** 2 + (superior / 72) ** 2 < (
                radius * size
            ) ** 2
            hu[inner] = value
        return hu

    return field


def scanned(ball: np.ndarray, heights: np.ndarray, tilt: float = 0.0, edge: int = 64) -> Volume:
    """A ball of 500 HU and radius 9 mm at ``ball`` (L, P, S) mm in air, scanned slice by slice."""
    angle = np.radians(tilt)
    down = np.array([0.0, np.cos(angle), np.sin(angle)])
    across = np.array([1.0, 0.0, 0.0])
    mm = (1.2, 1.1)
    origins = np.stack([np.full_like(heights, -35.0), np.full_like(heights, -30.0), heights], 1)
    rows, columns = np.mgrid[0:edge, 0:edge]
    hu = np.empty((len(heights), edge, edge), dtype=np.int16)
    for image, origin in zip(hu, origins, strict=True):
        places = origin + rows[..., None] * mm[0] * down + columns[..., None] * mm[1] * across
        distance = np.linalg.norm(places - ball, axis=-1)
        image[:] = AIR + 1524 * np.clip((9.0 - distance) / 2 + 0.5, 0, 1)
    orientation = np.stack([across, down])
    source = tuple(SliceSource(i) for i in range(len(heights)))
    return Volume(hu, origins, orientation, mm, source)
