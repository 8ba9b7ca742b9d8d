"""Shapes and textures as fields over a slice grid: signed distances in mm, soft edges, noise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

Array = np.ndarray
Point = Sequence[float]  # x, y, z in mm

PERIOD = 32  # lattice points until a texture repeats; wider than a head for steps above 8 mm


def soft(distance: Array, width: float | Array = 1.0) -> Array:
    """1 inside (distance < 0), 0 outside, a linear ramp ``width`` mm wide at the border."""
    return np.clip(np.float32(0.5) - distance / np.asarray(width, np.float32), 0.0, 1.0)


def ellipsoid(x: Array, y: Array, z: Array, center: Point, radii: Point) -> Array:
    """Approximate signed distance (mm) to an ellipsoid with axes along x, y, z."""
    squared = (
        ((x - np.float32(center[0])) * np.float32(1 / radii[0])) ** 2
        + ((y - np.float32(center[1])) * np.float32(1 / radii[1])) ** 2
        + ((z - np.float32(center[2])) * np.float32(1 / radii[2])) ** 2
    )
    return (np.sqrt(squared) - np.float32(1.0)) * np.float32(min(radii))


def capsule(x: Array, y: Array, z: Array, start: Point, end: Point, radius: float | Array) -> Array:
    """Signed distance (mm) to a rod with round ends from ``start`` to ``end``."""
    a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
    axis = b - a
    px, py, pz = x - a[0], y - a[1], z - a[2]
    along = (px * axis[0] + py * axis[1] + pz * axis[2]) * np.float32(
        1.0 / max(float(axis @ axis), 1e-6)
    )
    along = np.clip(along, 0.0, 1.0)
    squared = (
        (px - along * axis[0]) ** 2 + (py - along * axis[1]) ** 2 + (pz - along * axis[2]) ** 2
    )
    return np.sqrt(squared) - radius


def smooth_noise(seed: int, axes: tuple[Array, Array, Array], lattice_mm: float) -> Array:
    """Smooth random field with mean 0 and variance near 1, defined in mm, not in pixels.

    The same seed gives the same field on whatever grid it is read: a lattice of normal deviates
    every ``lattice_mm``, joined by cubic B-splines. Features are about two lattice steps wide.

    Args:
        seed: names the field.
        axes: z (S,), y (R,), x (C,) in mm.
        lattice_mm: distance of the lattice points.

    Returns:
        float32 (S, R, C).
    """
    values = _lattice(seed)
    wz, wy, wx = (_weights(axis, lattice_mm) for axis in axes)
    field = np.tensordot(wz, values, axes=(1, 0)) @ wx.T
    # a cubic B-spline average shrinks the variance to 0.479 per axis
    return (wy @ field) * np.float32(0.479**-1.5)


@lru_cache(maxsize=64)
def _lattice(seed: int) -> Array:
    rng = np.random.default_rng([seed, 0x501])
    return rng.standard_normal((PERIOD, PERIOD, PERIOD), dtype=np.float32)


def _weights(axis: Array, step: float) -> Array:
    """B-spline weights (len(axis), PERIOD); the lattice repeats after PERIOD steps."""
    position = np.asarray(axis, np.float64) / step
    base = np.floor(position).astype(int)
    t = position - base
    weights = np.zeros((len(position), PERIOD), np.float32)
    rows = np.arange(len(position))
    parts = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    for offset, part in enumerate(parts):
        weights[rows, (base + offset - 1) % PERIOD] = part
    return weights
