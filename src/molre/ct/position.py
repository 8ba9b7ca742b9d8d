"""How the head lies in the image: off centre, cut by the field of view, turned or leaning."""

from __future__ import annotations

import numpy as np

from molre.ct.skull import Skull, widened
from molre.ct.volume import AIR, Volume

BODY_HU = -200.0
SCALP_MM = 20.0  # beyond what the skull encloses
SHELL_PIXELS = 2  # thinner than 10 mm is a head holder or a table
ANGLES = 360  # a turn of half a degree is told
MOST_TURNED = 45.0
SYMMETRY_MM = 110.0
SYMMETRY_HU = (-300.0, 500.0)


def off_centre_mm(skull: Skull) -> float:
    """Distance of the head's centre from the image's centre, median over the middle slices."""
    centres = _centres(skull)
    half = (np.array(skull.hu.shape[1:]) - 1) / 2 * np.array(skull.spacing)
    return float(np.median(np.hypot(*(centres - half).T)))


def cut_mm(skull: Skull) -> float:
    """How much of the head lies on the edge of the field of view: mm of edge, the worst slice."""
    edge = _edge(skull)
    worst = 0
    for index in np.flatnonzero(skull.middle):
        near = widened(skull.inside[index], round(SCALP_MM / skull.spacing[0]))
        body = skull.hu[index] > BODY_HU
        body = widened(~widened(~body, SHELL_PIXELS), SHELL_PIXELS)
        worst = max(worst, int(np.sum(edge & near & body)))
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

    Each middle slice is unrolled around its centre; mirroring then turns into a circular
    correlation over angle, and the plane is where all slices agree best with their mirror image.
    """
    agreement = np.zeros(ANGLES)
    for index, centre in zip(np.flatnonzero(skull.middle), _centres(skull), strict=True):
        spectrum = np.fft.rfft(_unrolled(skull, int(index), centre), axis=1)
        agreement += np.fft.irfft(spectrum * spectrum, ANGLES, axis=1).sum(axis=0)
    # at twice the angle; beyond 45 degrees it would be the plane that mirrors front and back
    angle = np.fft.fftfreq(ANGLES, 1 / 180.0)
    agreement[np.abs(angle) > MOST_TURNED] = -np.inf
    return float(angle[np.argmax(agreement)])


def _unrolled(skull: Skull, index: int, centre: np.ndarray) -> np.ndarray:
    """(radius, angle) of skull and tissue around ``centre`` (mm); angle 0 is along a column."""
    from scipy.ndimage import map_coordinates

    angle = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    radius = np.arange(SYMMETRY_MM / 2, SYMMETRY_MM, 3.0)[:, None]
    rows = (centre[0] + radius * np.cos(angle)) / skull.spacing[0]
    columns = (centre[1] + radius * np.sin(angle)) / skull.spacing[1]
    image = np.clip(skull.hu[index], *SYMMETRY_HU)
    found = map_coordinates(image, (rows, columns), order=1, mode="nearest")
    return (found - found.mean(axis=1, keepdims=True)) * radius


def lean_degrees(skull: Skull, volume: Volume) -> float | None:
    """How far the head leans to a shoulder: drift of its centre along the slice normal.

    None where too few slices tell.
    """
    heights = volume.positions[skull.middle]
    if len(heights) < 5 or np.ptp(heights) < 30.0:
        return None
    across = volume.orientation[0]
    left = volume.origins[skull.middle] @ across + _centres(skull)[:, 1]
    return float(np.degrees(np.arctan(np.polyfit(heights, left, 1)[0])))


def _centres(skull: Skull) -> np.ndarray:
    """Centre of what the skull encloses in each middle slice: mm from the first row, column."""
    centres = [np.argwhere(inside).mean(axis=0) for inside in skull.inside[skull.middle]]
    return np.array(centres) * np.array(skull.spacing)
