"""Slices, and parts of slices, that hold no image: all their pixels have one value.

Exports that broke off leave them. A slice of one value shows nothing, whatever that value is, and
is air. Rows at an edge of a slice that have one value where the slices on both sides show tissue
are said.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molre.ct.checks.hu_check import AIR_IN_PLACE
from molre.ct.volume import AIR

_LEAST_ROWS = 0.1  # of a slice
_TISSUE_HU = -200
_LEAST_TISSUE = 0.1  # of the rows in the slices beside


def blank_slices(hu: np.ndarray) -> list[str]:
    """Make whole ones air in place, and say which they are.

    Args:
        hu: (slice, row, column).
    """
    lost = [_lost(image) for image in hu]
    whole, parts = [], []
    for at, (rows, from_top) in enumerate(lost):
        image = hu[at]
        part = np.s_[:rows] if from_top else np.s_[len(image) - rows :]
        beside = _beside(hu, [one for one, _ in lost], at)
        hole = bool(beside) and all(np.mean(o[part] > _TISSUE_HU) >= _LEAST_TISSUE for o in beside)
        if rows == len(image):
            if hole or not _is_air(image[0, 0]):
                whole.append(at)
        elif hole and rows >= _LEAST_ROWS * len(image):
            parts.append(at)
    for at in whole:
        if not _is_air(hu[at, 0, 0]):
            hu[at] = AIR
    return [
        *_note(whole, len(hu), "blank (one value in all pixels): read as air"),
        *_note(parts, len(hu), "partly blank (rows of one value)"),
    ]


def _is_air(value: float) -> bool:
    return bool(AIR_IN_PLACE[0] <= value <= AIR_IN_PLACE[1])


def _note(which: Sequence[int], count: int, words: str) -> list[str]:
    if not which:
        return []
    first = f"slice {which[0] + 1} of {count}"
    more = f" and {len(which) - 1} more are" if len(which) > 1 else " is"
    return [f"{first}{more} {words}"]


def _beside(hu: np.ndarray, lost: Sequence[int], at: int) -> list[np.ndarray]:
    """The nearest slices on both sides that lost less; none at an end of the stack."""
    below = next((k for k in range(at - 1, -1, -1) if lost[k] < lost[at]), None)
    above = next((k for k in range(at + 1, len(hu)) if lost[k] < lost[at]), None)
    return [] if below is None or above is None else [hu[below], hu[above]]


def _lost(image: np.ndarray) -> tuple[int, bool]:
    """How many rows at an edge have one value throughout, and whether at the first."""
    found = []
    for rows in (image, image[::-1]):
        if (rows[0] != rows[0, 0]).any():
            found.append(0)
            continue
        other = np.flatnonzero((rows != rows[0, 0]).any(axis=1))
        found.append(int(other[0]) if other.size else len(rows))
    return max(found), found[0] > found[1]
