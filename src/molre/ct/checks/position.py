"""How the head lies in the image: off center, cut by the field of view, turned or leaning."""

from __future__ import annotations

import numpy as np

from molre.ct.checks.skull import Skull, widened
from molre.ct.volume import AIR, Volume

BODY_HU = -200.0
SHELL_PIXELS = 2  # thinner than 10 mm is a head holder or a table
ANGLES = 360  # a turn of half a degree is told
MOST_TURNED = 45.0
SYMMETRY_MM = 110.0
SYMMETRY_HU = (-300.0, 500.0)
_RADIUS = np.arange(SYMMETRY_MM / 2, SYMMETRY_MM, 3.0)[:, None]


def off_center_mm(skull: Skull) -> float:
    """Distance of the head's center from the image's center, median over the middle slices."""
    half = (np.array(skull.hu.shape[1:]) - 1) / 2 * np.array(skull.spacing)
    return float(np.median(np.hypot(*(skull.centers - half).T)))


def cut_mm(skull: Skull) -> float:
    """How much of the head lies on the edge of the field of view: mm of edge, the worst slice."""
    edge = _edge(skull)
    worst = 0
    for index, near in zip(np.flatnonzero(skull.middle), skull.with_scalp & edge, strict=True):
        if not near.any():
            continue
        body = skull.hu[index] > BODY_HU
        body = widened(~widened(~body, SHELL_PIXELS), SHELL_PIXELS)
        worst = max(worst, int(np.sum(near & body)))
    return worst * float(np.mean(skull.spacing))


def _edge(skull: Skull) -> np.ndarray:
    """The image's edge, or the circle in it where all outside of that was padding; bool (r, c)."""
    rows, columns = skull.hu.shape[1:]
    y = (np.arange(rows) - (rows - 1) / 2) * skull.spacing[0]
    x = (np.arange(columns) - (columns - 1) / 2) * skull.spacing[1]
    radius = np.hypot(y[:, None], x[None, :])
    reach = min(rows * skull.spacing[0], columns * skull.spacing[1]) / 2
    pixel = max(skull.spacing)
    outside = radius > reach + pixel
    if outside.any() and (skull.hu[:, outside] <= AIR + 1).all():
        return (radius > reach - 2 * pixel) & ~outside
    edge = np.ones((rows, columns), dtype=bool)
    edge[1:-1, 1:-1] = False
    return edge


def turn_degrees(skull: Skull) -> float:
    """Angle of the head's plane of symmetry to the image's columns, within ±45.

    Each middle slice is unrolled around its center; mirroring then turns into a circular
    correlation over angle, and the plane is where all slices agree best with their mirror image.
    """
    agreement = np.zeros(ANGLES)
    ring = _ring(skull.spacing)
    for index, center in zip(np.flatnonzero(skull.middle), skull.centers, strict=True):
        spectrum = np.fft.rfft(_unrolled(skull, int(index), center, ring), axis=1)
        agreement += np.fft.irfft(spectrum * spectrum, ANGLES, axis=1).sum(axis=0)
    # at twice the angle; beyond 45 degrees it would be the plane that mirrors front and back
    angle = np.fft.fftfreq(ANGLES, 1 / 180.0)
    agreement[np.abs(angle) > MOST_TURNED] = -np.inf
    return float(angle[np.argmax(agreement)])


def _ring(spacing: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns from a center to points (radius, angle); angle 0 is along a column."""
    angle = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    return _RADIUS * np.cos(angle) / spacing[0], _RADIUS * np.sin(angle) / spacing[1]


def _unrolled(
    skull: Skull, index: int, center: np.ndarray, ring: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(radius, angle) of skull and tissue around ``center`` (mm); beyond the edge, the edge's."""
    image = np.clip(skull.hu[index], *SYMMETRY_HU)
    height, width = image.shape
    if min(height, width) < 2:
        return np.zeros(ring[0].shape)
    rows = np.clip(ring[0] + center[0] / skull.spacing[0], 0, height - 1)
    columns = np.clip(ring[1] + center[1] / skull.spacing[1], 0, width - 1)
    row, column = (
        np.minimum(at.astype(np.intp), size - 2) for at, size in ((rows, height), (columns, width))
    )
    down, across, corner = rows - row, columns - column, row * width + column
    upper = image.take(corner) * (1 - across) + image.take(corner + 1) * across
    lower = image.take(corner + width) * (1 - across) + image.take(corner + width + 1) * across
    found = upper * (1 - down) + lower * down
    return (found - found.mean(axis=1, keepdims=True)) * _RADIUS


def lean_degrees(skull: Skull, volume: Volume) -> float | None:
    """How far the head leans to a shoulder: drift of its center along the slice normal.

    None where too few slices tell.
    """
    heights = volume.positions[skull.middle]
    if len(heights) < 5 or np.ptp(heights) < 30.0:
        return None
    across = volume.orientation[0]
    left = volume.origins[skull.middle] @ across + skull.centers[:, 1]
    return float(np.degrees(np.arctan(np.polyfit(heights, left, 1)[0])))
