"""Where slices are: canonical axes, order and gaps.

All positions are DICOM patient coordinates in mm, (L, P, S). Only Image Position and Image
Orientation are used: the tilt tag's sign differs between makers, and Patient Position is already
in the orientation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SAME_POSITION_MM = 0.01
_WIDE = 1.5  # times the usual step, a gap


@dataclass(frozen=True)
class Reorder:
    """How the axes of a slice become rows towards Posterior, columns towards Left.

    Attributes:
        transpose: swap rows and columns first.
        flip_rows, flip_columns: then reverse.
    """

    transpose: bool
    flip_rows: bool
    flip_columns: bool

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """Apply to the last two axes."""
        if self.transpose:
            image = np.swapaxes(image, -1, -2)
        if self.flip_rows:
            image = image[..., ::-1, :]
        if self.flip_columns:
            image = image[..., ::-1]
        return image


def reorder(orientation: np.ndarray) -> tuple[Reorder, np.ndarray]:
    """Find the flips and the transpose that bring a slice to canonical axes.

    Args:
        orientation: (2, 3), unit vectors of increasing column and of increasing row index.

    Returns:
        The reordering, and the orientation (2, 3) after it.
    """
    across, down = orientation
    transpose = abs(down[0]) > abs(across[0])
    if transpose:
        across, down = down, across
    flip_columns, flip_rows = bool(across[0] < 0), bool(down[1] < 0)
    across = -across if flip_columns else across
    down = -down if flip_rows else down
    return Reorder(bool(transpose), flip_rows, flip_columns), np.stack([across, down])


def first_voxel(
    position: np.ndarray, spacing: tuple[float, float], shape: tuple[int, int], how: Reorder,
    orientation: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Position of voxel [0, 0] after reordering.

    Args:
        position: of voxel [0, 0] as stored, mm.
        spacing: mm between rows, between columns, after reordering.
        shape: rows, columns, after reordering.
        how: the reordering.
        orientation: (2, 3), after reordering.
    """
    across, down = orientation
    moved = np.array(position, dtype=np.float64)
    if how.flip_columns:
        moved -= across * spacing[1] * (shape[1] - 1)
    if how.flip_rows:
        moved -= down * spacing[0] * (shape[0] - 1)
    return moved


@dataclass(frozen=True)
class Gap:
    """Slices that must be missing: ``missing`` of them above slice ``below`` (0-based)."""

    below: int
    step_mm: float
    missing: int


def find_gaps(positions: np.ndarray, thickness: np.ndarray | None = None) -> list[Gap]:
    """Locate missing slices in a stack, tolerating a deliberate change of the step.

    A step is a gap where it exceeds 1.5 times the usual step on both of its sides and, where
    the thickness is known, leaves tissue between the slices that was not imaged. At the ends of
    the stack the one neighboring step stands for the side that is not there.

    Args:
        positions: mm along the normal, ascending (S,).
        thickness: mm (S,), nan where unknown.
    """
    steps = np.diff(positions)
    if steps.size and 0 < steps.max() <= _WIDE * steps.min():
        return []  # none exceeds what is usual, whatever that is
    gaps = []
    for index, step in enumerate(steps):
        before, after = steps[max(0, index - 3) : index], steps[index + 1 : index + 4]
        sides = (before if before.size else after[:1], after if after.size else before[-1:])
        usual = max((float(np.median(side)) for side in sides if side.size), default=0.0)
        if usual <= 0 or step <= _WIDE * usual:
            continue
        thick = np.nan if thickness is None else np.nanmax([*thickness[index : index + 2], -1.0])
        if thick > 0 and step <= 1.2 * thick:
            continue
        gaps.append(Gap(index, float(step), max(1, round(step / usual) - 1)))
    return gaps
