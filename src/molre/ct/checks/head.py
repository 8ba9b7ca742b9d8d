"""Is this a whole head with a brain inside? Judged from the voxels alone, without a model.

What bone encloses is found slice by slice (see `molre.ct.checks.skull`). A slice shows brain where
the enclosed area has a head's size, is mostly soft tissue and has brain's median. The volume is
judged by how many millimeters of such slices there are and by whether they begin and end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from molre.ct.checks.skull import Skull, inside_skull
from molre.ct.volume import Volume

SOFT_HU = (-15.0, 110.0)  # brain, CSF, clotted blood
BRAIN_MEDIAN_HU = (5.0, 75.0)
SLICE_AREA_CM2 = (25.0, 290.0)
MIN_SOFT_SHARE = 0.55
MIN_LARGEST_AREA_CM2 = 70.0  # adult brain: 110 to 190 at its widest level
MIN_COVERAGE_MM = 80.0  # adult brain: 110 to 140 from base to vertex
CUT_SHARE = 0.85  # an end slice this close to the largest is cut off there


@dataclass(frozen=True)
class HeadCheck:
    """The verdict.

    Attributes:
        ok: a whole head with a brain inside.
        reasons: one sentence for each thing that is wrong, beginning ``"not a head"`` or
            ``"incomplete"``; empty where ``ok``.
        coverage_mm: length of brain along the slice normal.
        kind: which of the three it is.
    """

    ok: bool
    reasons: tuple[str, ...]
    coverage_mm: float
    kind: Literal["head", "incomplete", "not_a_head"]


@dataclass(frozen=True)
class _Profile:
    """Per slice, (S,) each: enclosed cm2, its soft share and median HU, its extent in mm."""

    area: np.ndarray
    soft: np.ndarray
    median: np.ndarray
    extent: np.ndarray

    @property
    def sized(self) -> np.ndarray:
        return (self.area >= SLICE_AREA_CM2[0]) & (self.area <= SLICE_AREA_CM2[1])

    @property
    def brain(self) -> np.ndarray:
        low, high = BRAIN_MEDIAN_HU
        tissue = (self.soft >= MIN_SOFT_SHARE) & (self.median >= low) & (self.median <= high)
        return self.sized & tissue


def check_head(volume: Volume, skull: Skull | None = None) -> HeadCheck:
    """Tell a whole head from a partial one and from anything else.

    Args:
        volume: any series in HU.
        skull: what `molre.ct.checks.skull.inside_skull` found in it, where that is known already.
    """
    profile = _profile(volume, skull or inside_skull(volume))
    brain = profile.brain
    covered = float(profile.extent[brain].sum())
    if not brain.any() or _mostly_something_else(profile):
        return HeadCheck(False, (f"not a head: {_what_instead(profile)}",), covered, "not_a_head")
    if len(volume) < 3:
        reason = f"incomplete: {len(volume)} slice{'s' * (len(volume) > 1)}, not a whole head"
        return HeadCheck(False, (reason,), covered, "incomplete")
    reasons = _incomplete(profile, covered)
    return HeadCheck(not reasons, reasons, covered, "incomplete" if reasons else "head")


def _mostly_something_else(profile: _Profile) -> bool:
    """A skull-sized ring that mostly holds no brain, e.g. plastic with a few odd slices."""
    sized = profile.extent[profile.sized].sum()
    return bool(sized >= 40.0 and profile.extent[profile.brain].sum() < 0.25 * sized)


def _what_instead(profile: _Profile) -> str:
    if profile.area.max() > SLICE_AREA_CM2[1]:
        return f"bone encloses {profile.area.max():.0f} cm2, more than any skull"
    if not profile.sized.any():
        return "no skull around any slice"
    median = float(np.median(profile.median[profile.sized]))
    low, high = BRAIN_MEDIAN_HU
    if low <= median <= high:
        return "no brain tissue inside a skull (too much bone, air or fat)"
    return f"no brain tissue inside a skull (median {median:.0f} HU where brain is 20 to 45)"


def _incomplete(profile: _Profile, covered: float) -> tuple[str, ...]:
    reasons = []
    widest = float(profile.area[profile.brain].max())
    if widest < MIN_LARGEST_AREA_CM2:
        reasons.append(
            f"incomplete: the largest slice of brain has {widest:.0f} cm2, below an adult's"
        )
    if covered < MIN_COVERAGE_MM:
        reasons.append(
            f"incomplete: {covered:.0f} mm of brain, where a whole one has at least "
            f"{MIN_COVERAGE_MM:.0f}"
        )
    if profile.brain[-1] and profile.area[-1] > CUT_SHARE * widest:
        reasons.append("incomplete: the top of the head is cut off")
    if profile.brain[0] and profile.area[0] > CUT_SHARE * widest:
        reasons.append("incomplete: the base of the head is cut off")
    return tuple(reasons)


def _profile(volume: Volume, skull: Skull) -> _Profile:
    area, soft, median = (np.zeros(len(volume)) for _ in range(3))
    for index, (small, enclosed) in enumerate(zip(skull.hu, skull.inside, strict=True)):
        inside = small[enclosed]
        if inside.size:
            area[index] = inside.size * skull.pixel_cm2
            within = (inside >= SOFT_HU[0]) & (inside <= SOFT_HU[1])
            soft[index] = np.count_nonzero(within) / inside.size
            median[index] = _median(inside)
    return _Profile(area, soft, median, _extent(volume))


def _median(values: np.ndarray) -> np.floating:
    """As ``numpy.median``, which takes longer to call than to sort so few."""
    low, high = (values.size - 1) // 2, values.size // 2
    ordered = np.partition(values, (low, high))
    return (ordered[low] + ordered[high]) / 2


def _extent(volume: Volume) -> np.ndarray:
    """Millimeters that each slice stands for along the normal (S,)."""
    if len(volume) < 2:
        return np.array([volume.acquisition.slice_thickness or 0.0])
    steps = volume.steps
    return (np.concatenate([steps[:1], steps]) + np.concatenate([steps, steps[-1:]])) / 2.0
