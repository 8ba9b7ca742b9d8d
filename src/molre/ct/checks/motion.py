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

from molre.ct.checks.skull import SCALP_MM, Skull, reaches_edge, sizes, widened

WINDOW_HU = (-300.0, 300.0)  # skin and skull count, teeth and metal do not
BLUR_MM = 4.0  # widens the edges, so that a shift of several mm is still seen whole
NEAR_MM = 30.0  # beyond what the skull encloses, no ear or head holder
HALF_TISSUE_HU = (-800.0, -250.0)  # air and tissue in turn
GHOST_REACH_MM = 10.0
# of the blurred image's pixels, so many tell as much as all
_EVERY_OTHER = (slice(1, -1, 2), slice(1, -1, 2))
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
        skull: the volume, see `molre.ct.checks.skull`.
        positions: mm along the normal (S,).
    """
    slices = np.flatnonzero(skull.middle)
    moved, ghosts = np.full((len(skull.hu), 3), np.nan), np.full(len(skull.hu), np.nan)
    images = _edges(skull)
    for place in range(1, len(slices) - 1):
        before, index, after = slices[place - 1 : place + 2]
        near = 0 < positions[after] - positions[before] <= REACH_MM
        if near and after - before == 2:
            moved[index] = _displacement(skull, images, positions[before : after + 1], place)
    moved = _alone(moved)
    ghosts[slices] = _rims(skull)
    ghosts[1:-1] -= (ghosts[:-2] + ghosts[2:]) / 2
    ghosts[[0, -1]] = np.nan
    return Motion(np.hypot(moved[:, 0], moved[:, 1]), moved[:, 2], ghosts)


def _edges(skull: Skull) -> np.ndarray:
    """The middle slices (M, r, c) with blurred edges."""
    from scipy.ndimage import gaussian_filter

    blur = (0.0, BLUR_MM / skull.spacing[0], BLUR_MM / skull.spacing[1])
    return gaussian_filter(np.clip(skull.hu[skull.middle], *WINDOW_HU), blur, truncate=3.0)


def _displacement(
    skull: Skull, images: np.ndarray, positions: np.ndarray, place: int
) -> tuple[float, float, float]:
    """Rows mm, columns mm, degrees by which a middle slice is off its neighbors' mean."""
    before, here, after = positions
    share = (here - before) / (after - before)
    expected = (1 - share) * images[place - 1] + share * images[place + 1]
    around = np.logical_or.reduce(skull.with_scalp[place - 1 : place + 2, *_EVERY_OTHER])
    at = np.flatnonzero(around)
    rows, columns = np.divmod(at, around.shape[1])
    y = (rows - rows.mean()) * 2 * skull.spacing[0]
    x = (columns - columns.mean()) * 2 * skull.spacing[1]
    # shift down, shift across, turn, stretch down, stretch across, and a change of brightness
    causes = np.ones((6, at.size))
    causes[0] = (expected[2::2, 1:-1:2] - expected[:-2:2, 1:-1:2]).ravel()[at]
    causes[1] = (expected[1:-1:2, 2::2] - expected[1:-1:2, :-2:2]).ravel()[at]
    causes[:2] /= 2 * np.array(skull.spacing)[:, None]
    causes[2] = causes[0] * x - causes[1] * y
    causes[3] = causes[0] * y
    causes[4] = causes[1] * x
    difference = (images[place] - expected)[_EVERY_OTHER].ravel()[at]
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


def _rims(skull: Skull) -> np.ndarray:
    """Mean width of the rim of half tissue around each middle slice, mm: area by outline (M,)."""
    low, high = HALF_TISSUE_HU
    images, mm = skull.hu[skull.middle], skull.spacing[0]
    near = widened(skull.with_scalp, round(NEAR_MM / mm) - round(SCALP_MM / mm))
    tissue = images > high
    head = ~reaches_edge(~(tissue & near))
    beside = widened(head, round(GHOST_REACH_MM / mm)) & ~head
    half = beside & (images > low) & ~tissue
    outline = widened(head, 1) & ~head
    return sizes(half) / np.maximum(sizes(outline), 1) * float(np.mean(skull.spacing))
