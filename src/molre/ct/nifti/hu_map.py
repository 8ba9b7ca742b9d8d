"""Voxel values of a NIfTI that are not Hounsfield units, back to them, where the user says how.

Cormack units give soft tissue ten or eleven times the range, so that tools for MR can normalize a
CT (Rorden et al., Age-specific CT and MRI templates for spatial normalization, NeuroImage 2012,
61:957-965). Two forms are in use. With v = HU + offset, C = v + gain * clip(v - 900, 0, 200):

- ``cormack``: offset 1024, gain 10, as the toolbox of that paper (Clinical toolbox for SPM) writes
  a scan whose darkest voxel is -1024 HU, and as its own way back assumes.
- ``h2c``: offset 1000, gain 9, the later Python scripts of the same authors.

They differ by 24 HU and more in the brain, so the result is checked and a wrong choice refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from molre.errors import MolreError

_DARK, _MIDDLE = 900.0, 200.0  # v below which and for which range the gain begins
_CORMACK = {"cormack": (1024.0, 10.0), "h2c": (1000.0, 9.0)}


@dataclass(frozen=True)
class HuMap:
    """How voxel values become HU.

    Attributes:
        name: as it was given.
        offset: v = HU + offset, for Cormack units.
        gain: what is added to v for each unit between 900 and 1100, for Cormack units.
        scale, intercept: HU = scale * value + intercept, else.
    """

    name: str
    offset: float | None = None
    gain: float = 0.0
    scale: float = 1.0
    intercept: float = 0.0

    @classmethod
    def parse(cls, text: str) -> HuMap:
        """From ``"cormack"``, ``"h2c"`` or ``"SCALE:INTERCEPT"``, e.g. ``"1:-1024"``.

        Raises:
            MolreError: none of these.
        """
        name = text.strip().lower()
        if name in _CORMACK:
            return cls(name, *_CORMACK[name])
        try:
            scale, intercept = (float(part) for part in name.split(":"))
        except ValueError:
            scale = intercept = math.nan
        if not (math.isfinite(scale) and math.isfinite(intercept) and scale != 0):
            raise MolreError(
                f"{text!r} is not a map to HU",
                where="hu_map",
                fix="give cormack, h2c or SCALE:INTERCEPT, e.g. 1:-1024",
            )
        return cls(name, scale=scale, intercept=intercept)

    def to_hu(self, values: np.ndarray) -> np.ndarray:
        """Values in HU; float32, of the same shape. What is not a number stays so."""
        values = values.astype(np.float32)
        if self.offset is None:
            return values * np.float32(self.scale) + np.float32(self.intercept)
        ratio = self.gain + 1
        above = np.clip(values - np.float32(_DARK), 0, np.float32(_MIDDLE * ratio))
        return values - above * np.float32(self.gain / ratio) - np.float32(self.offset)


CORMACK_MAPS = tuple(HuMap.parse(name) for name in _CORMACK)
