"""A head of known HU at every point in space: air, scalp, skull, brain, ventricles, no symmetry."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from tests.helpers.odd.plan import Plan
from tests.helpers.traps.scan import Scan

SHAPE = (48, 40)
SPACING = (4.25, 4.0)


def head(points: np.ndarray) -> np.ndarray:
    """Int16 HU at points (..., 3), mm (L, P, S); every voxel has its own noise."""
    left, back, up = np.moveaxis(points, -1, 0)
    radius = np.sqrt((left / 68) ** 2 + ((back - 2) / 82) ** 2 + (up / 78) ** 2)
    hu = np.full(radius.shape, -1000.0)
    hu[radius < 1.08] = 35.0
    hu[radius < 1.0] = 1050.0
    hu[radius < 0.92] = 34.0
    ventricle = np.sqrt(((np.abs(left) - 12) / 8) ** 2 + (back / 26) ** 2 + ((up - 8) / 18) ** 2)
    hu[ventricle < 1] = 8.0
    hu[(left > 20) & (left < 34) & (radius < 0.8) & (back < -10)] = 68.0  # blood on one side
    grain = np.sin(left * 12.9898 + back * 78.233 + up * 37.719) * 43758.5453
    return np.rint(hu + 8 * (grain - np.floor(grain) - 0.5)).astype(np.int16)


def scanned(plan: Plan, shift: float = 0.0, step: float | None = None, part: float = 0.0) -> Scan:
    """The head as the plan's geometry samples it.

    Args:
        plan: geometry.
        shift: mm along the table, of another set.
        step: mm, where not the plan's.
        part: share of the range, from below, that is left out.
    """
    return _scanned(plan.slices, plan.step, plan.thicker_above, plan.tilt, shift, step, part)


@lru_cache(256)
def _scanned(
    slices: int,
    usual: float,
    thicker_above: bool,
    tilt: float,
    shift: float,
    step: float | None,
    part: float,
) -> Scan:
    wide = 2.0 * usual if thicker_above else usual
    steps = np.where(np.arange(slices - 1) < slices // 2, usual, wide)
    heights = np.concatenate([[0.0], np.cumsum(steps)])
    heights -= heights[-1] / 2
    if step is not None:
        heights = np.arange(heights[0], heights[-1] + 1e-6, step)
    heights = heights[heights >= heights[0] + part * (heights[-1] - heights[0]) - 1e-6] + shift
    angle = np.radians(tilt)
    across = np.array([1.0, 0, 0])
    down = np.array([0, np.cos(angle), -np.sin(angle)])
    corner = -across * SPACING[1] * (SHAPE[1] - 1) / 2 - down * SPACING[0] * (SHAPE[0] - 1) / 2
    travel = np.array([0, 0, 1.0]) / np.cos(angle)
    origins = np.round(corner + heights[:, None] * travel, 6)
    empty = Scan(np.zeros((len(heights), *SHAPE)), origins, np.stack([across, down]), SPACING)
    return replace(empty, hu=head(empty.points()))
