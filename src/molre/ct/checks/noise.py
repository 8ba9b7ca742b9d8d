"""Noise of a scan, measured in the brain."""

from __future__ import annotations

import numpy as np

from molre.ct.checks.skull import Skull, blocks, widened
from molre.ct.volume import Volume

PATCH = 4  # pixels of the coarse grid, 8 mm
SLICES = 9
EVEN_PATCHES = 20  # percentile: the patches without sulci or borders


def noise_hu(volume: Volume, skull: Skull) -> float | None:
    """Standard deviation within even patches of brain, HU; None where no patch is inside.

    Taken at the scan's own resolution, in patches of about 8 mm.
    """
    middle = np.flatnonzero(skull.middle)
    spreads = []
    for index in middle[np.linspace(0, len(middle) - 1, min(SLICES, len(middle))).astype(int)]:
        within: np.ndarray = np.all(
            blocks(~widened(~skull.inside[index], 3), PATCH, PATCH), axis=(1, 3)
        )
        patches = blocks(volume.hu[index], *(PATCH * pixels for pixels in skull.block))
        spreads.append(patches.transpose(0, 2, 1, 3)[within].std(axis=(1, 2), dtype=np.float32))
    found = np.concatenate(spreads) if spreads else np.zeros(0)
    return float(np.percentile(found, EVEN_PATCHES)) if found.size else None
