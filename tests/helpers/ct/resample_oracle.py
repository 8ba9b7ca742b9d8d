"""A regular copy of a stack, slice after slice: the slow reference of `molre.ct.resample`."""

from __future__ import annotations

import numpy as np

from molre.ct.geometry import SAME_POSITION_MM
from molre.ct.volume import AIR, Volume


def straighten(
    volume: Volume, spacing_mm: tuple[float, float, float] = (2.5, 1.0, 1.0)
) -> tuple[np.ndarray, np.ndarray]:
    """A regular copy: slices at an even step, shear of a tilted gantry undone; for 3D models.

    Slices stay parallel to the acquired ones. Each source slice is put where its own position
    says, then neighbors are interpolated linearly; outside the scanned stack is air.

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
