"""Geometry from positions and orientations alone: order, axes, gaps, and a straightened copy.

Axes are DICOM's patient axes in mm: x towards Left, y towards Posterior, z towards Superior.
Nothing here looks at the gantry tilt tag, the patient position or the instance number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.ct.volume import AIR, Volume

GAP = 1.5  # a step this many times its neighbours' is a missing slice


@dataclass(frozen=True)
class Axes:
    """How stored slices are turned so that rows go Posterior and columns Left.

    ``transpose`` comes first, then ``flip_rows`` and ``flip_columns``.
    """

    transpose: bool
    flip_rows: bool
    flip_columns: bool

    @property
    def unchanged(self) -> bool:
        """Whether the stored axes are the wanted ones already."""
        return not (self.transpose or self.flip_rows or self.flip_columns)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Turn pixels (..., rows, columns)."""
        if self.transpose:
            pixels = np.swapaxes(pixels, -1, -2)
        if self.flip_rows:
            pixels = pixels[..., ::-1, :]
        if self.flip_columns:
            pixels = pixels[..., ::-1]
        return np.ascontiguousarray(pixels)


def canonical(
    origins: np.ndarray,
    orientation: np.ndarray,
    spacing: tuple[float, float],
    shape: tuple[int, int],
) -> tuple[Axes, np.ndarray, np.ndarray, tuple[float, float]]:
    """The turn to Posterior rows and Left columns, with origins, orientation and spacing after it.

    Args:
        origins: (S, 3) mm, centre of the stored voxel [0, 0] of each slice.
        orientation: (2, 3), directions of increasing column and row index.
        spacing: (between rows, between columns) mm.
        shape: stored (rows, columns).
    """
    right, down = orientation
    between_rows, between_columns = spacing
    rows, columns = shape
    transpose = abs(right[0]) < abs(down[0])
    if transpose:
        right, down = down, right
        between_rows, between_columns = between_columns, between_rows
        rows, columns = columns, rows
    flip_columns, flip_rows = bool(right[0] < 0), bool(down[1] < 0)
    origins = origins.astype(float).copy()
    if flip_columns:
        origins += right * (columns - 1) * between_columns
        right = -right
    if flip_rows:
        origins += down * (rows - 1) * between_rows
        down = -down
    turned = np.stack([right, down])
    return Axes(transpose, flip_rows, flip_columns), origins, turned, (between_rows, between_columns)


def missing_slices(positions: np.ndarray, thickness: np.ndarray | None = None) -> list[int]:
    """Indices i where a slice is missing between slices i and i + 1.

    A step is a gap where it is 1.5 times and more each of its neighbouring steps, and the slices'
    own thickness where known: a change from thin to thick slices is none.

    Args:
        positions: mm along the normal, ascending, (S,).
        thickness: mm, (S,), nan where unknown.
    """
    steps = np.diff(positions)
    if len(steps) < 2:
        return []
    before = np.concatenate([[steps[1]], steps[:-1]])
    after = np.concatenate([steps[1:], [steps[-2]]])
    gap = steps >= GAP * np.maximum(before, after)
    if thickness is not None:
        own = np.fmax(thickness[:-1], thickness[1:])
        gap &= np.isnan(own) | (steps >= GAP * own)
    return [int(i) for i in np.flatnonzero(gap)]


def straighten(volume: Volume, spacing: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A regular, unsheared copy for models that need one.

    Voxels are interpolated linearly at true positions: in the plane of each slice first, where
    gantry tilt shifts it, then between the two slices around. Outside the scan is air.

    Args:
        volume: as acquired.
        spacing: mm between slices, rows and columns of the copy.

    Returns:
        int16 (S, R, C) and its affine float64 (4, 4) from (slice, row, column, 1) to mm.
    """
    from scipy import ndimage

    right, down = volume.orientation
    normal = volume.normal
    shift_rows = (volume.origins - volume.origins[0]) @ down / volume.pixel_spacing[0]
    shift_columns = (volume.origins - volume.origins[0]) @ right / volume.pixel_spacing[1]
    depth = volume.positions - volume.positions[0]
    _, rows, columns = volume.hu.shape
    first = np.array([shift_rows.min(), shift_columns.min()])
    extent = np.array([rows - 1 + np.ptp(shift_rows), columns - 1 + np.ptp(shift_columns)])
    step = np.array([spacing[1] / volume.pixel_spacing[0], spacing[2] / volume.pixel_spacing[1]])
    shape = tuple(int(n) for n in np.floor(extent / step + 1e-6) + 1)
    grid = [first[i] + np.arange(shape[i]) * step[i] for i in range(2)]
    planes = np.empty((len(volume), *shape), dtype=np.float32)
    for s in range(len(volume)):
        at = np.meshgrid(
            _snap(grid[0] - shift_rows[s], rows), _snap(grid[1] - shift_columns[s], columns), indexing="ij"
        )
        planes[s] = ndimage.map_coordinates(
            volume.hu[s].astype(np.float32), at, order=1, mode="constant", cval=AIR
        )
    wanted = np.arange(0, depth[-1] + 1e-3, spacing[0])
    out = _between(planes, depth, wanted)
    affine = np.eye(4)
    affine[:3, 0] = normal * spacing[0]
    affine[:3, 1], affine[:3, 2] = down * spacing[1], right * spacing[2]
    corner = first * np.array(volume.pixel_spacing)
    affine[:3, 3] = volume.origins[0] + corner[0] * down + corner[1] * right
    return np.rint(out).astype(np.int16), affine


def _snap(index: np.ndarray, size: int) -> np.ndarray:
    """Pull rounding overshoots back onto the grid, which would blank whole border rows."""
    near = (index > -1e-4) & (index < size - 1 + 1e-4)
    return np.where(near, np.clip(index, 0, size - 1), index)


def _between(planes: np.ndarray, depth: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    above = np.clip(np.searchsorted(depth, wanted, side="right"), 1, len(depth) - 1)
    below = above - 1
    weight = ((wanted - depth[below]) / (depth[above] - depth[below]))[:, None, None]
    weight = np.clip(weight, 0, 1).astype(np.float32)
    return planes[below] * (1 - weight) + planes[above] * weight
