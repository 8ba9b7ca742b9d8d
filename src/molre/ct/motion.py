"""Did the head move between slices, or while one was taken? Judged from the slices' agreement.

Each slice in the middle of the head is laid over what its two neighbors make of it (their mean,
weighted by distance). What shift, turn and stretch explain the difference is solved by least
squares on the image's gradients, as Lucas and Kanade (1981) do. Growth of the head from slice to
slice is in the neighbors' mean, so that a head at rest leaves next to nothing.

A head that moves while a slice is taken has two outlines: air beside it is half tissue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.ct.skull import Skull, widened

WINDOW_HU = (-300.0, 300.0)  # skin and skull count, teeth and metal do not
BLUR_MM = 4.0  # widens the edges, so that a shift of several mm is still seen whole
RIM_MM = 20.0  # skull and scalp around what the skull encloses
HALF_TISSUE_HU = (-800.0, -250.0)  # air and tissue in turn
GHOST_REACH_MM = 10.0
REACH_MM = 16.0  # neighbors farther apart do not tell what is between them


@dataclass(frozen=True, eq=False)
class Motion:
    """How far each slice lies from where its neighbors put it; nan where that is not judged.

    Attributes:
        shift_mm: float64 (S,).
        turn_degrees: float64 (S,), in plane.
        ghost_mm: float64 (S,), half-tissue rim around the head beyond that of the neighbors,
            as the mean width along the outline.
    """

    shift_mm: np.ndarray
    turn_degrees: np.ndarray
    ghost_mm: np.ndarray


def motion(skull: Skull, positions: np.ndarray) -> Motion:
    """Compare each slice with its neighbors.

    Args:
        skull: the volume, see `molre.ct.skull`.
        positions: mm along the normal (S,).
    """
    judged = skull.middle
    moved = np.full((len(judged), 3), np.nan)
    images = _edges(skull)
    for index in range(1, len(judged) - 1):
        near = 0 < positions[index + 1] - positions[index - 1] <= REACH_MM
        if near and judged[index - 1 : index + 2].all():
            moved[index] = _displacement(skull, images, positions, index)
    moved = _alone(moved)
    return Motion(np.hypot(moved[:, 0], moved[:, 1]), moved[:, 2], _ghosts(skull))


def _edges(skull: Skull) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    blur = (0.0, BLUR_MM / skull.spacing[0], BLUR_MM / skull.spacing[1])
    return gaussian_filter(np.clip(skull.hu, *WINDOW_HU), blur, truncate=3.0)


def _displacement(
    skull: Skull, images: np.ndarray, positions: np.ndarray, index: int
) -> tuple[float, float, float]:
    """Rows mm, columns mm, degrees by which a slice is off its neighbors' mean."""
    before, here, after = positions[index - 1 : index + 2]
    share = (here - before) / (after - before)
    expected = (1 - share) * images[index - 1] + share * images[index + 1]
    inside = np.any(skull.inside[index - 1 : index + 2], axis=0, keepdims=True)[0]
    around = widened(inside, round(RIM_MM / skull.spacing[0]))
    rows, columns = np.nonzero(around)
    down, across = (
        gradient[around] / mm
        for gradient, mm in zip(np.gradient(expected), skull.spacing, strict=True)
    )
    y = (rows - rows.mean()) * skull.spacing[0]
    x = (columns - columns.mean()) * skull.spacing[1]
    # shift down, shift across, turn, stretch down, stretch across, and a change of brightness
    causes = np.stack([down, across, down * x - across * y, down * y, across * x, np.ones_like(x)])
    difference = (images[index] - expected)[around]
    found = np.linalg.lstsq(causes @ causes.T, causes @ difference, rcond=None)[0]
    return float(found[0]), float(found[1]), float(np.degrees(found[2]))


def _alone(moved: np.ndarray) -> np.ndarray:
    """How much of it a slice shares with none of those two away, without sign (S, 3).

    Two detector rows under a tilted gantry put every other slice some millimeters off: a fault of
    the geometry, the same all the way, and no movement of the head.
    """
    before, after = np.full_like(moved, np.nan), np.full_like(moved, np.nan)
    before[2:] = after[:-2] = np.abs(moved[2:] - moved[:-2])
    least = np.fmin(before, after)
    return np.where(np.isnan(least), np.abs(moved), least)


def _ghosts(skull: Skull) -> np.ndarray:
    """Width of the rim of half tissue, minus the neighbors' mean (S,)."""
    width = np.full(len(skull.hu), np.nan)
    for index in np.flatnonzero(skull.middle):
        width[index] = _rim(skull, int(index))
    excess = np.full_like(width, np.nan)
    excess[1:-1] = width[1:-1] - (width[:-2] + width[2:]) / 2
    return excess


def _rim(skull: Skull, index: int) -> float:
    """Mean width of the rim, mm: its area by the length of the outline."""
    from scipy.ndimage import binary_fill_holes

    low, high = HALF_TISSUE_HU
    image = skull.hu[index]
    near = widened(skull.inside[index], round(1.5 * RIM_MM / skull.spacing[0]))
    head = binary_fill_holes((image > high) & near)
    beside = widened(head, round(GHOST_REACH_MM / skull.spacing[0])) & ~head
    half = beside & (image > low) & (image <= high)
    outline = widened(head, 1) & ~head
    return float(half.sum()) / max(float(outline.sum()), 1.0) * float(np.mean(skull.spacing))
