"""A constant border that no tag mentions: what lies outside the field of view is air.

Scanners and converters fill the corners of an image, outside a round field of view or around a
rotated one, with one value: -2000, 0, the largest there is, a negative one that was stored without
its sign. Where Pixel Padding Value does not say so, it shows: in most slices all four corners have
exactly this value, and it is not that of air. Only what is connected to a corner is border.
"""

from __future__ import annotations

import numpy as np

from molre.ct.checks.hu_check import AIR_IN_PLACE

_MOST = 0.9  # of the slices
_FEWEST = 16  # pixels of such a corner region, in a slice


def constant_border(hu: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The value of the border and where it lies, bool of the same shape; None where there is none.

    Args:
        hu: (slice, row, column).
    """
    corners = hu[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    value = corners[len(hu) // 2, 0]
    if value <= AIR_IN_PLACE[1] or np.mean(np.all(corners == value, axis=1)) < _MOST:
        return None
    border = np.zeros(hu.shape, dtype=bool)
    for image, out in zip(hu, border, strict=True):
        _fill(image == value, out)
    return (float(value), border) if border.sum() >= _FEWEST * len(hu) else None


def _fill(same: np.ndarray, out: np.ndarray) -> None:
    """What is connected to a corner."""
    from scipy import ndimage

    regions, _ = ndimage.label(same)
    corners = np.unique(regions[[0, 0, -1, -1], [0, -1, 0, -1]])
    out[:] = np.isin(regions, corners[corners > 0])
