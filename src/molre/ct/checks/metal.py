"""Metal and saturation: voxels at or near the scanner's ceiling.

Streaks are not a usable sign: how uneven tissue is in the slices with metal does not stand out from
what bleeding, air or the skull base do to other slices.
"""

from __future__ import annotations

import numpy as np

from molre.ct.checks.skull import Skull, blocks
from molre.ct.volume import HU_MAX, Volume

# Petrous bone reaches 2,200 HU and enamel 2,500 to 3,000 (a tooth is then rightly looked at).
METAL_HU = 2500
CEILINGS = {2**bits - 1 - offset for bits in (10, 11, 12) for offset in (0, 1000, 1024)}


def largest_metal_mm3(volume: Volume, skull: Skull, tops: np.ndarray) -> float:
    """Volume of the largest connected piece at or above `METAL_HU`; 0 where there is none.

    Pieces are joined on the coarse grid of ``skull``: splinters 2 mm apart are one.

    Args:
        volume: in HU.
        skull: the same, on its coarse grid.
        tops: of `slice_tops`.
    """
    from scipy.ndimage import label

    bright = np.flatnonzero(tops >= METAL_HU)
    if not bright.size:
        return 0.0
    between = slice(bright[0], bright[-1] + 1)
    voxels = np.zeros(skull.hu[between].shape, dtype=np.int32)
    for index in bright:
        found = blocks(volume.hu[index] >= METAL_HU, *skull.block)
        voxels[index - bright[0]] = found.sum(axis=(1, 3))
    pieces, count = label(voxels, np.ones((3, 3, 3)))
    mm3 = voxels * _voxel_mm3(volume)[between, None, None]
    sizes = np.bincount(pieces.ravel(), weights=mm3.ravel(), minlength=count + 1)
    return float(sizes[1:].max(initial=0.0))


def _voxel_mm3(volume: Volume) -> np.ndarray:
    """Volume of a voxel of each slice (S,)."""
    area = volume.pixel_spacing[0] * volume.pixel_spacing[1]
    if len(volume) < 2:
        return np.full(1, area * (volume.acquisition.slice_thickness or 1.0))
    return area * np.gradient(volume.positions)


def slice_tops(volume: Volume) -> np.ndarray:
    """The highest HU of each slice, int (S,)."""
    return np.array([int(image.max()) for image in volume.hu])


def at_ceiling(volume: Volume, tops: np.ndarray) -> tuple[int, int]:
    """(HU, voxels) of the scan's ceiling; no voxels where the maximum is no ceiling.

    The ceiling is 3071 HU, or the largest number of 10 to 12 bits less a usual intercept, if
    voxels pile up there: ten times as many as a value just below has on average.

    Args:
        volume: in HU.
        tops: of `slice_tops`.
    """
    top = int(tops.max())
    count = _from(volume, tops, top)
    if top < HU_MAX:
        below = _from(volume, tops, top - 50) - count
        if top not in CEILINGS or count < 10 * max(below / 50, 1.0):
            return top, 0
    return top, count


def _from(volume: Volume, tops: np.ndarray, least: int) -> int:
    """Voxels of at least so many HU."""
    return sum(int(np.count_nonzero(volume.hu[i] >= least)) for i in np.flatnonzero(tops >= least))
