"""Metal and saturation: voxels at or near the scanner's ceiling.

Streaks are no sign here: how uneven tissue is in the slices with metal does not stand out from
what bleeding, air or the skull base do to other slices.
"""

from __future__ import annotations

import numpy as np

from molre.ct.skull import Skull, blocks
from molre.ct.volume import HU_MAX, Volume

# Petrous bone reaches 2,200 HU and enamel 2,500 to 3,000 (a tooth is then rightly looked at).
METAL_HU = 2500
CEILINGS = {2**bits - 1 - offset for bits in (10, 11, 12) for offset in (0, 1000, 1024)}


def largest_metal_mm3(volume: Volume, skull: Skull) -> float:
    """Volume of the largest connected piece at or above `METAL_HU`; 0 where there is none.

    Pieces are joined on the coarse grid of ``skull``: splinters 2 mm apart are one.
    """
    from scipy.ndimage import label

    voxels = np.zeros(skull.hu.shape, dtype=np.int32)
    for count, image in zip(voxels, volume.hu, strict=True):
        bright = image >= METAL_HU
        if bright.any():
            count[:] = blocks(bright, *skull.block).sum(axis=(1, 3))
    pieces, found = label(voxels, np.ones((3, 3, 3)))
    mm3 = voxels * _voxel_mm3(volume)[:, None, None]
    sizes = np.bincount(pieces.ravel(), weights=mm3.ravel(), minlength=found + 1)
    return float(sizes[1:].max(initial=0.0))


def _voxel_mm3(volume: Volume) -> np.ndarray:
    """Volume of a voxel of each slice (S,)."""
    area = volume.pixel_spacing[0] * volume.pixel_spacing[1]
    if len(volume) < 2:
        return np.full(1, area * (volume.acquisition.slice_thickness or 1.0))
    return area * np.gradient(volume.positions)


def at_ceiling(volume: Volume) -> tuple[int, int]:
    """(HU, voxels) of the scan's ceiling; no voxels where the maximum is no ceiling.

    The ceiling is 3071 HU, or the largest number of 10 to 12 bits less a usual intercept, if
    voxels pile up there: ten times as many as a value just below has on average.
    """
    top = int(volume.hu.max())
    count = int(np.count_nonzero(volume.hu == top))
    if top < HU_MAX:
        below = int(np.count_nonzero(volume.hu >= top - 50)) - count
        if top not in CEILINGS or count < 10 * max(below / 50, 1.0):
            return top, 0
    return top, count
