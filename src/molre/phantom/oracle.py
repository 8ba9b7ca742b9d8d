"""The oracle: it knows where a finding was planted and measures there, in HU or geometrically.

It proves that each finding is in the pixels. Tests compare planted studies with clean twins: the
same head with independent noise, measured in the same mask.
"""

from __future__ import annotations

import numpy as np

from molre.phantom.fields import Array
from molre.phantom.grid import Grid
from molre.phantom.registry import Generator
from molre.phantom.scene import Scene

BELOW_BRAIN_HU = 9.0  # fluid is what is so much darker than the brain beside it: brains differ


def measure(generator: Generator, image: Array, mask: Array, scene: Scene) -> float:
    """How strongly the image shows the finding; higher where it is planted.

    Args:
        generator: the finding.
        image: float32 (S, R, C), HU with noise.
        mask: bool (S, R, C), where it was planted.
        scene: the clean scene, for anatomy.
    """
    inner = mask & (scene.depth > 2.2)  # the bone's blur raises what touches it
    if inner.sum() > 0.25 * mask.sum():
        mask = inner
    return generator.sign * MEASURES[generator.measure](image, mask, scene)


def _smoothed(image: Array) -> Array:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(np.clip(image, -20, 80), (0, 1.0, 1.0))


def _surround(image: Array, mask: Array, scene: Scene) -> float:
    from scipy.ndimage import binary_dilation

    near = binary_dilation(mask, np.ones((1, 3, 3), bool), iterations=2)
    wide = binary_dilation(near, np.ones((1, 3, 3), bool), iterations=4) & ~near
    same = (scene.bone > 0.7) if scene.bone[mask].mean() > 0.5 else scene.depth > 1.5
    ring = wide & same
    return float(np.median(image[mask]) - np.median(image[ring if ring.sum() > 20 else wide]))


def _mirror(image: Array, mask: Array, scene: Scene) -> float:
    return float(np.median(image[mask]) - np.median(image[mirrored(mask, scene.grid)]))


def mirrored(mask: Array, grid: Grid) -> Array:
    """The mask on the other side of the head's midline, bool (S, R, C)."""
    slices, rows, columns = np.nonzero(mask)
    x, y = grid.x[0, rows, columns], grid.y[0, rows, columns]
    cosine, sine = np.cos(grid.yaw), np.sin(grid.yaw)
    scanner_x, scanner_y = -cosine * x - sine * y, -sine * x + cosine * y
    pixel = grid.xs[1] - grid.xs[0]
    column = np.rint((scanner_x - grid.xs[0]) / pixel).astype(int)
    row = np.rint((scanner_y / np.cos(grid.tilt) - grid.ys[0]) / pixel).astype(int)
    other = np.zeros_like(mask)
    inside = (column >= 0) & (column < len(grid.xs)) & (row >= 0) & (row < len(grid.ys))
    other[slices[inside], row[inside], column[inside]] = True
    return other


def _region(image: Array, mask: Array, scene: Scene) -> float:
    return float(np.median(image[mask]))


def _fluid(image: Array, mask: Array, scene: Scene) -> float:
    smooth = _smoothed(image)
    brain = np.median(smooth[scene.depth > 20])
    return float((smooth[mask] < brain - BELOW_BRAIN_HU).mean())


def _asymmetry(image: Array, mask: Array, scene: Scene) -> float:
    """How much denser the cisterns of the clean twin are in the mask than in its mirror.

    A mean in HU sees fluid that fills parts of voxels, which a count of voxels does not.
    """
    smooth, fluid = _smoothed(image), scene.csf > 0.3
    other = mirrored(mask, scene.grid) & fluid
    return float(smooth[mask & fluid].mean() - smooth[other].mean())


def _tissue(image: Array, mask: Array, scene: Scene) -> float:
    """Only where the clean twin is tissue too: its open sulci would pass for low density."""
    return float(np.median(image[mask & (scene.tissue > 0.95)]))


def _cortex(image: Array, mask: Array, scene: Scene) -> float:
    """Gray minus white matter, HU."""
    white = (scene.gray < 0.15) & (scene.tissue > 0.95) & (scene.depth > 12)
    return float(image[mask].mean() - image[white].mean())


MEASURES = {
    "surround": _surround,
    "mirror": _mirror,
    "region": _region,
    "fluid": _fluid,
    "asymmetry": _asymmetry,
    "tissue": _tissue,
    "cortex": _cortex,
}
