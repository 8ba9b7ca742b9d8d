"""Is each slice on the scale of the slices beside it?

A stack may be in HU as a whole while a part of it is not: slices that were rescaled already, or not
at all, inverted, windowed, of the other byte order, or blank. From slice to slice a head changes
little, so the shares of air, tissue and bone are compared between neighbors. Where they leap
(`_LEAP`; two neighbors of a real scan differ by 0.2 at most), both slices are judged by themselves
as `molre.ct.checks.hu_check` judges a scan; and neither air nor tissue vanishes in a slice between
others that hold it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from molre.ct.checks.hu_check import AIR_IN_PLACE, check_hu

_EDGES = np.array([-np.inf, AIR_IN_PLACE[0], AIR_IN_PLACE[1], -250, -50, 120, 250, np.inf])
_LEAP = 0.35  # sum of the absolute differences of shares
_AIR = 0.4  # of a slice, at or below air; a field of view within the head is not judged
_LEFT = 0.2  # of what others have; from slice to slice 0.9 of the air in real scans
_TISSUE = 0.1  # of a slice
_AIR_THERE, _SOFT_THERE = 0.2, 0.05  # of a slice, at air and from -250 to 120 HU
_AIR_ALIKE = 0.15
_ALL_AIR = 0.97  # of a slice that shows nothing else
_FEWEST = 300  # values of a slice that is judged


def off_scale(samples: Sequence[np.ndarray]) -> tuple[int, str] | None:
    """Index of the first slice that contradicts its neighbors' scale, and in what; else None.

    Args:
        samples: HU of a regular part of each slice, in order; declared padding left out.
    """
    judged = [at for at, one in enumerate(samples) if one.size >= _FEWEST and not is_blank(one)]
    shares = [_shares(samples[at]) for at in judged]
    leaps: dict[int, list[int]] = defaultdict(list)
    for (first, one), (second, other) in pairwise(enumerate(shares)):
        if np.abs(one - other).sum() > _LEAP:
            leaps[first].append(second)
            leaps[second].append(first)
    air = [float(one[:2].sum()) for one in shares]
    tissue = [float(one[4:].sum()) for one in shares]
    for number in sorted(leaps):
        beside = max(air[max(number - 1, 0) : number + 2])
        if beside < _AIR:
            continue
        alike = max(abs(air[other] - air[number]) for other in leaps[number]) <= _AIR_ALIKE
        problem = _alone(samples[judged[number]], shares[number], alike)
        problem = problem or _hole(air, number, _AIR, "air (-1000)")
        problem = problem or _hole(tissue, number, _TISSUE, "tissue")
        if problem:
            return judged[number], problem
    return None


def is_blank(values: np.ndarray) -> bool:
    """Whether all values are one."""
    return bool(values.size and values[0] == values[-1] and values.min() == values.max())


def _shares(values: np.ndarray) -> np.ndarray:
    places = np.searchsorted(np.sort(values), _EDGES)
    return np.diff(places) / values.size


def _alone(values: np.ndarray, shares: np.ndarray, as_much_air: bool) -> str | None:
    """What its own modes say; one with air and tissue in place, as much as beside it, is on scale.

    Fat, or padding that a filter smeared, can put the modes of a single slice anywhere.
    """
    in_place = as_much_air and shares[1] >= _AIR_THERE and shares[3] + shares[4] >= _SOFT_THERE
    return None if in_place or shares[1] >= _ALL_AIR else check_hu(values).problem


def _hole(of: Sequence[float], number: int, least: float, name: str) -> str | None:
    """Whether a slice lost what slices on both sides have."""
    around = min(max(of[:number], default=0.0), max(of[number + 1 :], default=0.0))
    if around >= least and of[number] <= _LEFT * around:
        return f"it holds far less {name} than those below and above it"
    return None
