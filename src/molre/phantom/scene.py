"""Scene: a head on a slice grid, in HU before the scanner adds its blur and noise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from molre.phantom.fields import Array, Point, smooth_noise
from molre.phantom.grid import Box, Grid
from molre.phantom.head import Head

AIR_HU = -1000.0


@dataclass(eq=False)
class Scene:
    """What the slices show, and the maps that findings need to know where they are.

    Attributes:
        hu: float32 (S, R, C).
        depth: float32 (S, R, C), mm inside the inner table along the ray to the origin; negative
            outside.
        tissue: float32 (S, R, C), fraction of brain tissue.
        csf: float32 (S, R, C), fraction of subarachnoid fluid (sulci, fissures, cisterns).
        ventricle: float32 (S, R, C), fraction of ventricular fluid.
        gray: float32 (S, R, C), fraction of tissue that is gray matter.
        bone: float32 (S, R, C), fraction of skull.
        skin: float32 (S, R, C), mm outside the skin (negative inside).
        edge: float32 (S, R, C), mm over which a slice smears the skull's border: steep near the
            base and the vertex (partial volume).
    """

    grid: Grid
    head: Head
    hu: Array
    depth: Array
    tissue: Array
    csf: Array
    ventricle: Array
    gray: Array
    bone: Array
    skin: Array
    edge: Array
    taken: list[tuple[Point, float]] = field(default_factory=list)

    @classmethod
    def empty(cls, grid: Grid, head: Head) -> Scene:
        """Air everywhere."""
        hu = np.full(grid.shape, AIR_HU, np.float32)
        depth, tissue, csf, ventricle, gray, bone, skin, edge = (
            np.zeros(grid.shape, np.float32) for _ in range(8)
        )
        return cls(grid, head, hu, depth, tissue, csf, ventricle, gray, bone, skin, edge)

    def noise(self, box: Box, seed: int, lattice_mm: float) -> Array:
        """Smooth random field on a box (see `smooth_noise`)."""
        return smooth_noise(seed, self.grid.axes_at(box), lattice_mm)

    def blend(self, box: Box, weight: Array, value: Array | float) -> None:
        """Replace the fraction ``weight`` of each voxel in the box by ``value`` HU."""
        region = self.hu[box]
        region += weight * (value - region)

    def add(self, box: Box, weight: Array, change: Array | float) -> None:
        """Add ``change`` HU times ``weight`` in the box."""
        self.hu[box] += weight * change

    def mask(self, *parts: tuple[Box, Array]) -> Array:
        """Bool (S, R, C): voxels that are at least half covered by one of the parts."""
        found = np.zeros(self.grid.shape, bool)
        for box, weight in parts:
            found[box] |= np.broadcast_to(weight > 0.5, found[box].shape)
        return found
