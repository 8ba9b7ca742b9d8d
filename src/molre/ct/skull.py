"""What bone encloses, slice by slice, on a coarse grid.

A pixel is *enclosed* where bone lies in at least six of eight directions within its slice, so a
craniectomy, a fracture or one missing wall does not open the skull, and a tilted slice is as good
as a straight one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.ct.volume import Volume

GRID_MM = 2.0  # averaging to this grid tames the noise of a bone kernel
BONE_HU = 230.0
AIR_HU = -300.0
MIN_DIRECTIONS = 6
MIDDLE_SHARE = 0.5

_WITHIN_SLICES = np.zeros((3, 3, 3), dtype=bool)  # which pixels are neighbors
_WITHIN_SLICES[1, 1], _WITHIN_SLICES[1, :, 1] = True, True


@dataclass(frozen=True, eq=False)
class Skull:
    """A volume on a coarse grid, and what is inside its skull.

    Attributes:
        hu: float32 (S, r, c), means over square blocks.
        inside: bool (S, r, c), enclosed by bone; bone and outer air excepted.
        block: rows and columns of the volume to a pixel of the grid.
        spacing: mm between rows and between columns of the grid.
    """

    hu: np.ndarray
    inside: np.ndarray
    block: tuple[int, int]
    spacing: tuple[float, float]

    @property
    def pixel_cm2(self) -> float:
        """Area of a pixel of the grid."""
        return self.spacing[0] * self.spacing[1] / 100.0

    @property
    def area(self) -> np.ndarray:
        """Enclosed cm2 of each slice (S,)."""
        return self.inside.sum(axis=(1, 2)) * self.pixel_cm2

    @property
    def middle(self) -> np.ndarray:
        """Slices that are at least half as large as the largest; bool (S,).

        Above and below them the outline changes too fast, or holds the face.
        """
        return self.area >= max(MIDDLE_SHARE * float(self.area.max()), self.pixel_cm2)


def inside_skull(volume: Volume) -> Skull:
    """Find what bone encloses.

    Args:
        volume: any series in HU.
    """
    rows, columns = (
        max(1, min(size, round(GRID_MM / spacing)))
        for size, spacing in zip(volume.hu.shape[1:], volume.pixel_spacing, strict=True)
    )
    small = _averages(volume.hu, rows, columns)
    inside = _enclosed(small > BONE_HU) & ~_outside(small)
    spacing = (rows * volume.pixel_spacing[0], columns * volume.pixel_spacing[1])
    return Skull(small, inside, (rows, columns), spacing)


def blocks(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """An image (r, c) as whole blocks (r // rows, rows, c // columns, columns)."""
    height, width = image.shape[0] // rows, image.shape[1] // columns
    cut = image[: height * rows, : width * columns]
    return cut.reshape(height, rows, width, columns)


def _averages(hu: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Means of blocks: int16 (S, R, C) to float32 (S, R // rows, C // columns)."""
    height, width = (hu.shape[1] // rows) * rows, (hu.shape[2] // columns) * columns
    out = np.empty((len(hu), height // rows, width // columns), dtype=np.float32)
    for image, small in zip(hu[:, :height, :width], out, strict=True):
        tall = image[::rows].astype(np.int32)  # sums of strided views: many times faster than mean
        for row in range(1, rows):
            tall += image[row::rows]
        total = tall[:, ::columns].copy()
        for column in range(1, columns):
            total += tall[:, column::columns]
        small[:] = total
    out /= rows * columns
    return out


def _outside(small: np.ndarray) -> np.ndarray:
    """Air that reaches its slice's edge, so that a table or a head holder encloses nothing."""
    from scipy import ndimage

    regions, count = ndimage.label(small < AIR_HU, _WITHIN_SLICES)
    reaches = np.zeros(count + 1, dtype=bool)
    for side in (regions[:, 0], regions[:, -1], regions[:, :, 0], regions[:, :, -1]):
        reaches[side.ravel()] = True
    reaches[0] = False
    return np.asarray(reaches[regions])


def _enclosed(bone: np.ndarray) -> np.ndarray:
    """Pixels, bone excepted, that see bone in at least six of eight directions; bool (S, r, c)."""
    seen = np.zeros(bone.shape, dtype=np.int8)
    for axis in (1, 2):
        seen += np.logical_or.accumulate(bone, axis=axis)
        seen += np.flip(np.logical_or.accumulate(np.flip(bone, axis), axis=axis), axis)
    for down in (1, -1):
        for across in (1, -1):
            seen += _diagonal(bone[:, ::down, ::across])[:, ::down, ::across]
    return (seen >= MIN_DIRECTIONS) & ~bone


def _diagonal(bone: np.ndarray) -> np.ndarray:
    """Whether bone lies on the way to the first row, one column left for each row up."""
    found = bone.copy()
    for row in range(1, found.shape[1]):
        found[:, row, 1:] |= found[:, row - 1, :-1]
    return found


def widened(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask (..., r, c) grown by a square of so many pixels each way, within its slices."""
    from scipy.ndimage import maximum_filter1d

    size = 2 * pixels + 1
    grown = maximum_filter1d(mask.view(np.uint8), size, axis=-1, mode="constant")
    return maximum_filter1d(grown, size, axis=-2, mode="constant").view(bool)
