"""A sagittal sinus that is denser than blood can be: a sign of contrast that no header mentions.

Fresh clots and a dense thrombosed sinus reach some 90 HU, enhanced sinuses 150 to 300. Calcium and
the edge of bone are as dense. So what counts lies above the skull base, at the widest level of the
head and higher, in the plane of symmetry, where the superior sagittal sinus runs along the vault
from slice to slice; and how many of these slices show it. A calcified pineal gland, choroid plexus
or falx lies in few, bleeding is less dense, and metal is denser.
"""

from __future__ import annotations

import numpy as np

from molre.ct.checks.position import turn_degrees
from molre.ct.checks.skull import Skull, widened

# means over 2 mm: above any clot, as a sinus of 150 HU is but for its edges; and the edge of bone
DENSE_HU = (95.0, 450.0)
BONE_HU = 450.0
MIDLINE_MM = 10.0  # to each side
LEAST_SLICES = 5
LEAST_MM = 25.0  # from the first to the last slice that is looked at
MARGIN = 8  # pixels beside the midline, beyond the reach of what is closed, widened and opened


def enhanced_share(skull: Skull, positions: np.ndarray, turn: float | None = None) -> float:
    """In how many of the slices from the widest level up the midline is as dense as contrast.

    Args:
        skull: the volume, see `molre.ct.checks.skull`.
        positions: mm along the normal (S,).
        turn: degrees, where `molre.ct.checks.position.turn_degrees` has told them already.

    Returns:
        0 to 1; 0 where too few slices are there.
    """
    middle = np.flatnonzero(skull.middle)
    upper = middle[middle >= int(np.argmax(skull.area))]
    if len(upper) < LEAST_SLICES or np.ptp(positions[upper]) < LEAST_MM:
        return 0.0
    angle = np.radians(turn_degrees(skull) if turn is None else turn)
    centers = skull.centers[middle >= upper[0]]
    shown = [
        _is_dense(skull, int(index), _midline(skull, center, angle))
        for index, center in zip(upper, centers, strict=True)
    ]
    return float(np.mean(shown))


def _is_dense(skull: Skull, index: int, midline: np.ndarray) -> bool:
    """Whether something dense lies in the midline, away from bone and at least 4 mm wide."""
    from scipy.ndimage import binary_closing, binary_opening

    near = np.flatnonzero(midline.any(axis=0))
    if not near.size:
        return False
    part = np.s_[:, max(near[0] - MARGIN, 0) : near[-1] + MARGIN + 1]
    hu, midline = skull.hu[index][part], midline[part]
    dense = (hu > DENSE_HU[0]) & (hu < DENSE_HU[1]) & ~widened(hu > BONE_HU, 1)
    if not (dense & midline).any():
        return False
    # what is as dense as bone was not counted as inside
    dense &= binary_closing(skull.inside[index][part], np.ones((3, 3)), iterations=2)
    return bool((binary_opening(dense, np.ones((2, 2))) & midline).any())


def _midline(skull: Skull, center: np.ndarray, angle: float) -> np.ndarray:
    """Pixels near the plane of symmetry; bool (r, c)."""
    rows, columns = skull.hu.shape[1:]
    down = np.arange(rows)[:, None] * skull.spacing[0] - center[0]
    across = np.arange(columns)[None, :] * skull.spacing[1] - center[1]
    return np.abs(across * np.cos(angle) - down * np.sin(angle)) <= MIDLINE_MM
