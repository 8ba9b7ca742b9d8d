"""Where slices are: canonical axes, order, gaps, and a regular copy of an irregular stack.

All positions are DICOM patient coordinates in mm, (L, P, S). Only Image Position and Image
Orientation are used: the tilt tag's sign differs between makers, and Patient Position is already
in the orientation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.ct.volume import AIR, Volume

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


def straighten(
    volume: Volume, spacing_mm: tuple[float, float, float] = (2.5, 1.0, 1.0)
) -> tuple[np.ndarray, np.ndarray]:
    """A regular copy: slices at an even step, shear of a tilted gantry undone; for 3D models.

    Slices stay parallel to the acquired ones. Each source slice is put where its own position
    says, then neighbours are interpolated linearly; outside the scanned stack is air.

    Args:
        volume: any series.
        spacing_mm: (between slices, between rows, between columns) of the copy.

    Returns:
        int16 (slice, row, column) in HU, and the affine (4, 4) from (slice, row, column, 1) to
        mm (L, P, S, 1).
    """
    across, down = volume.orientation
    normal = volume.normal
    frame = np.stack([normal, down, across])
    local = volume.origins @ frame.T  # (S, 3): mm along normal, down, across
    low = local.min(axis=0)
    rows, columns = volume.hu.shape[1:]
    height, width = (np.array([rows, columns]) - 1) * volume.pixel_spacing
    extent = np.ptp(local, axis=0) + np.array([0.0, height, width])
    shape = np.floor(extent / spacing_mm + 1e-4).astype(int) + 1
    heights = low[0] + np.arange(shape[0]) * spacing_mm[0]
    planes = _InPlane(volume, local - low, shape[1:], spacing_mm[1:])
    out = np.empty(tuple(shape), dtype=np.int16)
    for index, height in enumerate(heights):
        out[index] = _between(planes, local[:, 0], float(height))
    affine = np.eye(4)
    affine[:3, :3] = (frame * np.array(spacing_mm)[:, None]).T
    affine[:3, 3] = low @ frame
    return out, affine


class _InPlane:
    """Source slices resampled, one at a time, onto the copy's rows and columns."""

    def __init__(
        self, volume: Volume, shift: np.ndarray, shape: np.ndarray, spacing: tuple[float, ...]
    ) -> None:
        self.volume, self.shift, self.shape, self.spacing = volume, shift, shape, spacing
        self.kept: dict[int, np.ndarray] = {}

    def __getitem__(self, index: int) -> np.ndarray:
        if index not in self.kept:
            self.kept = {k: v for k, v in self.kept.items() if k >= index - 1}
            self.kept[index] = self._resample(index)
        return self.kept[index]

    def _resample(self, index: int) -> np.ndarray:
        from scipy import ndimage

        source = np.array(self.volume.pixel_spacing)
        # grid-constant fades into air beyond the edge: a rounding error of 1e-6 pixel blanks
        # no row, as mode "constant" would
        return ndimage.affine_transform(
            self.volume.hu[index].astype(np.float32),
            np.array(self.spacing) / source,
            offset=-self.shift[index, 1:] / source,
            output_shape=tuple(self.shape),
            order=1,
            mode="grid-constant",
            cval=AIR,
        )


def _between(planes: _InPlane, positions: np.ndarray, height: float) -> np.ndarray:
    upper = int(np.searchsorted(positions, height - SAME_POSITION_MM))
    if upper >= len(positions):
        upper = len(positions) - 1
    lower = max(upper - 1, 0)
    span = positions[upper] - positions[lower]
    weight = 1.0 if span <= 0 else float(np.clip((height - positions[lower]) / span, 0.0, 1.0))
    if weight > 1.0 - 1e-6:
        return np.rint(planes[upper])
    return np.rint((1.0 - weight) * planes[lower] + weight * planes[upper])
