"""Do the values of a scan mean Hounsfield units? Judged by its modes alone, padding left out.

A head CT has two modes that no other scale leaves in place: air at -1000 HU (-1024 where a scanner
clamps) and soft tissue near 35 HU, with bone from 250 to some 2,500 HU above and almost nothing
between air and fat. The rule:

1. The modes of the values are found, on a scale of their own. A value that fills one end of the
   range (padding, a background, clamped air) is a mode by itself and widens no bin.
2. Each pair of modes is taken for air and soft tissue, either way round. It makes a head where the
   values on the scale of this pair are those of a head: air, soft tissue and bone have their
   shares, and what lies between air and fat, below air or above bone is little.
3. A scan is refused where some pair makes a head, none that is in place is nearly as good, and air
   or soft tissue is off: offset, scaled, turned in sign, or wrapped at 65,536.
4. A value at the end of the range is padding, not air, where the mode that would be its soft tissue
   is as good as air of another pair.
5. Where no pair makes a head and there is no air at all, padding left out, most values must be near
   those of soft tissue, and they must not be those of an exported image (0 to 1, 0 to 255). Nor may
   both ends of the range hold many values, as those of a window do.
6. Else nothing is contradicted (a slab at the vertex, a phantom, noise): the scan is read, and it
   is noted that its scale could not be checked.

Values are never corrected here; `molre.ct.nifti.hu_map` is for those who know how.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

AIR_HU, SOFT_HU = -1000.0, 35.0
AIR_IN_PLACE = (-1100.0, -900.0)
SOFT_IN_PLACE = (-40.0, 110.0)
UNCHECKED = "its values could not be checked against air and soft tissue: taken as HU"

_SPAN = SOFT_HU - AIR_HU
_BINS = 512
_MODES = 6
_MIN_MODE = 0.02  # of all values, within the mode's own bins
_END_SHARE = 0.01  # of all values, for one value at an end of the range to be a mode of its own
_MIN_PADDING = 0.05  # of all values, for one value to be padding within the range
_MOST_ENDS = 3  # values at either end
_WRAP = 65536
_CUT_LOW, _CUT_HIGH = 0.2, 0.01  # of all values, at both ends of a window
_CUT_AT = 2500  # HU; above any bone
_FEWEST = 300  # values that are judged: fewer have no modes
_FEW = 20  # values, which a damaged file may hold by chance
_MAX_SAMPLES = 60_000
_DARKEST = -1200.0  # HU; what lies below is padding, or no HU
_NO_AIR = -200.0
_MIN_AIR = 0.0005  # of all values
_EDGES = np.array([-1200.0, -1080, -920, -850, -250, -50, 120, 250, 2800, 4500])
_COMPACT = np.array([-40.0, 110.0])  # HU; a mode fills it, a slope of values does not


@dataclass(frozen=True)
class Verdict:
    """What the modes say.

    Attributes:
        problem: why the values are not HU, in words; None where nothing contradicts it.
        checked: air and soft tissue were found in place.
        slope, intercept: value = slope * HU + intercept, as found; None where nothing was.
    """

    problem: str | None
    checked: bool
    slope: float | None = None
    intercept: float | None = None


@dataclass(frozen=True)
class _Pair:
    """Values taken for air and soft tissue; how well they make a head, by their shares."""

    air: float
    soft: float
    share: float

    @property
    def in_place(self) -> bool:
        air_is = AIR_IN_PLACE[0] <= self.air <= AIR_IN_PLACE[1]
        soft_is = SOFT_IN_PLACE[0] <= self.soft <= SOFT_IN_PLACE[1]
        # plastic or fat instead of brain, lung instead of air: one of the two is evidence enough
        near = -250 <= self.soft <= 250 and -1150 <= self.air <= -800
        return near and (air_is or soft_is)


def sample(values: np.ndarray) -> np.ndarray:
    """A regular part of an array that is large enough for its modes, flat."""
    flat = values.reshape(-1)
    step = -(-flat.size // _MAX_SAMPLES)
    return flat[:: max(1, step | 1)]  # odd, so that it falls into no step with rows


def check_hu(values: np.ndarray) -> Verdict:
    """Judge values that claim to be HU.

    Args:
        values: of a scan or a regular part of it, numbers of any type and shape; declared padding
            left out.
    """
    values = _ascending(sample(np.asarray(values)))
    if values.size < _FEWEST:
        return Verdict(None, False)
    wrapped = _wrapped(values)
    if wrapped:
        return wrapped
    modes = _modes(values)
    heads = _heads(values, modes) or _heads_beside_padding(values)
    heads, padding = _without_padding(heads, values)
    best = max(heads, key=lambda pair: pair.share, default=None)
    placed = max((pair.share for pair in heads if pair.in_place), default=0.0)
    placed = placed or _plain_share(modes, padding, heads)
    if best and placed < 0.5 * best.share:
        return _contradiction(best)
    if placed:
        return Verdict(None, True)
    return Verdict(_why_no_tissue(values) or _why_cut(values), False)


def _ascending(values: np.ndarray) -> np.ndarray:
    """What is finite as sorted float64; whole numbers of 16 bits are sorted by their digits."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if values.dtype.itemsize > 2 and values.size and _is_short(values.min(), values.max()):
        short = values.astype(np.int16)
        values = short if np.array_equal(short, values) else values
    digits = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
    return np.sort(values, kind="stable" if digits else None).astype(np.float64)


def _is_short(low: np.number, high: np.number) -> bool:
    return bool(low >= -(1 << 15) and high < 1 << 15)


def _without_padding(heads: list[_Pair], values: np.ndarray) -> tuple[list[_Pair], set[float]]:
    """Pairs whose air is no padding; and the values that are."""
    constant = {pair.air for pair in heads if _is_constant(values, pair.air)}
    padding = {
        first.air
        for first, second in permutations(heads, 2)
        if first.soft == second.air
        and (first.soft - first.air) * (second.soft - second.air) > 0
        and second.share >= 0.7 * first.share
    }
    # one dark value beside soft tissue in place: a field of view that lies within the head
    padding |= {
        pair.air
        for pair in heads
        if pair.air in constant and pair.air < AIR_IN_PLACE[0] and -40 <= pair.soft <= 50
    }
    # nor is the darkest value air where an air with noise, which padding has not, makes a head
    if any(pair.air not in constant and pair.soft > pair.air for pair in heads):
        padding |= {float(values[0])} if _is_constant(values, values[0]) else set()
    return [pair for pair in heads if pair.air not in padding], padding


def _is_constant(values: np.ndarray, at: float) -> bool:
    """Whether many of sorted values are exactly this one."""
    first, behind = np.searchsorted(values, at), np.searchsorted(values, at, "right")
    return bool(behind - first >= _END_SHARE * values.size)


def _why_no_tissue(values: np.ndarray) -> str | None:
    """What sorted values without any air have that those of tissue do not."""
    body = values[values > _DARKEST]
    if not body.size or np.mean(values < _NO_AIR) - np.mean(values <= _DARKEST) >= _MIN_AIR:
        return None
    low, middle, high = (_quantile(body, share) for share in (0.001, 0.5, 0.999))
    near = float(np.mean((body > -150) & (body < 150)))
    if near < 0.3 or not -50 <= middle <= 120:
        return f"it holds no air (-1000), and its middle is at {middle:.4g} where brain is near 35"
    ends = min(float(np.mean(body == body[0])), float(np.mean(body == body[-1])))
    if high - low < 20 or (body[0] == 0 and body[-1] == 255 and ends > 0.005):
        return f"it holds no air (-1000), and its values run only from {low:.4g} to {high:.4g}"
    return None


def _why_cut(values: np.ndarray) -> str | None:
    """Whether sorted values without a head in HU end at both sides as a window's gray values do."""
    low, high = (float(np.mean(values == end)) for end in (values[0], values[-1]))
    if low < _CUT_LOW or high < _CUT_HIGH or values[-1] < _CUT_AT:
        return None
    return (
        f"{low:.0%} of its values are {values[0]:.4g} and {high:.1%} are {values[-1]:.4g}, as "
        "when values outside a window are clipped"
    )


def _wrapped(values: np.ndarray) -> Verdict | None:
    """Negative values that were stored without a sign: air at 64,536."""
    first = np.searchsorted(values, _WRAP - 3100, "right")
    high = values[first : np.searchsorted(values, _WRAP + 3100)]
    share = high.size / values.size
    if high.size < _FEW or share < 0.005 or np.median(high) < _WRAP - 2100:
        return None
    air = float(np.median(high))
    return Verdict(
        f"{share:.0%} of its values lie at {air:.0f}, as negative values stored without a "
        "sign do (65,536 too high)",
        False,
    )


def _plain_share(
    modes: list[tuple[float, float]], padding: set[float], heads: list[_Pair]
) -> float:
    """The smaller of the shares of air and of soft tissue, where both have a mode in place."""
    taken = padding | {pair.air for pair in heads}
    air = sum(n for at, n in modes if _within(at, AIR_IN_PLACE) and at not in padding)
    soft = sum(n for at, n in modes if _within(at, SOFT_IN_PLACE) and at not in taken)
    return min(air, soft)


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _heads(values: np.ndarray, modes: list[tuple[float, float]]) -> list[_Pair]:
    found = []
    for (air, _), (soft, _) in permutations(modes, 2):
        if soft != air:
            share = _share_of_head(values, air, soft)
            if share:
                found.append(_Pair(air, soft, share))
    return found


def _heads_beside_padding(values: np.ndarray) -> list[_Pair]:
    """Pairs that make a head once one value that many have is left out, wherever it lies."""
    found: list[_Pair] = []
    kinds, counts = _counted(values)
    for constant in kinds[counts >= _MIN_PADDING * values.size][:_MOST_ENDS]:
        rest = values[values != constant]
        tissue = _within(constant, AIR_IN_PLACE) or _within(constant, SOFT_IN_PLACE)
        if not tissue and rest.size >= values.size / 2:
            found += _heads(rest, _modes(rest))
    return found


def _share_of_head(values: np.ndarray, air: float, soft: float) -> float:
    """The smaller share of air and soft tissue where this pair makes a head of sorted values."""
    scale = (soft - air) / _SPAN
    places = np.searchsorted(values, air + scale * (_EDGES - AIR_HU))
    inside = abs(int(places[-1]) - int(places[0]))
    if inside < 0.6 * values.size:  # the rest may be padding, which is of one or two values
        return 0.0
    first, last = min(places[0], places[-1]), max(places[0], places[-1])
    shares = np.abs(np.diff(places)) / inside
    near_air, between, fat, tissue, bone = shares[1], shares[3], shares[4], shares[5], shares[7]
    sound = near_air >= 0.05 and tissue >= 0.08 and 0.01 <= bone <= 0.35
    sound = sound and between <= 0.15 and shares[8] <= 0.02 and fat <= 2 * tissue
    if scale < 0:  # the bone of a head that fills the image is not its air
        sound = sound and near_air >= max(0.2, 2.5 * bone)
    if _is_constant(values, air):  # a slope of values beside padding is no mode of soft tissue
        core = np.searchsorted(values, air + scale * (_COMPACT - AIR_HU))
        sound = sound and abs(int(core[1]) - int(core[0])) >= 0.55 * shares[4:7].sum() * inside
    below, above = values[:first], values[last:]
    if scale < 0:
        below, above = above, below
    if not sound or max(_spread(below), above.size) > 0.02 * values.size:
        return 0.0
    return float(min(near_air, tissue) * (1 - bone))


def _spread(values: np.ndarray) -> int:
    """How many of sorted values are none of the two commonest: padding has one or two values."""
    counts = np.sort(_counted(values)[1])
    return int(counts[:-2].sum())


def _counted(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values of sorted ones, and how many there are of each."""
    starts = np.concatenate([[True], values[1:] != values[:-1]])[: values.size].nonzero()[0]
    return values[starts], np.diff(starts, append=values.size)


def _modes(values: np.ndarray) -> list[tuple[float, float]]:
    """The largest modes of sorted values as (value, share), the ends of the range among them."""
    total, ends = values.size, []
    for last in (False, True):
        for _ in range(_MOST_ENDS):
            if not values.size:
                break
            end = float(values[-last])
            first, behind = np.searchsorted(values, end), np.searchsorted(values, end, "right")
            if behind - first < _END_SHARE * total:
                break
            ends.append((end, float((behind - first) / total)))
            values = values[:first] if last else values[behind:]
    peaks = _peaks(values, total) if values.size else []
    found = [mode for mode in (*ends, *peaks) if mode[1] >= _MIN_MODE]
    return sorted(found, key=lambda mode: -mode[1])[:_MODES]


def _peaks(values: np.ndarray, total: int) -> list[tuple[float, float]]:
    low, high = _quantile(values, 0.0005), _quantile(values, 0.9995)
    if not high > low:
        return [(float(low), values.size / total)]
    edges = np.linspace(low, high, _BINS + 1)
    places = np.searchsorted(values, edges)
    places[-1] = np.searchsorted(values, high, "right")
    counts = np.diff(places)
    smooth = np.convolve(counts, np.ones(5), "same")
    found: list[tuple[float, float]] = []
    left = smooth.copy()
    while len(found) < _MODES and left.max() > 0.5 * _MIN_MODE * total:
        top = int(left.argmax())
        reach = _reach(smooth, top)
        share = float(counts[reach].sum() / total)
        middle = float((edges[top] + edges[top + 1]) / 2)
        if left[top] == smooth[top]:
            found.append((middle, share))
        left[reach] = 0
    return found


def _quantile(values: np.ndarray, share: float) -> float:
    """As np.quantile, of sorted values."""
    at = (values.size - 1) * share
    below = int(at)
    one, next_one = float(values[below]), float(values[min(below + 1, values.size - 1)])
    part = at - below
    if part < 0.5:
        return one + (next_one - one) * part
    return next_one - (next_one - one) * (1 - part)


def _reach(smooth: np.ndarray, top: int) -> slice:
    """From a peak down to where it has fallen to a tenth, or rises again by a half."""
    ends = []
    for step in (-1, 1):
        at, low = top, smooth[top]
        while 0 <= at + step < smooth.size:
            after = smooth[at + step]
            if after < 0.1 * smooth[top] or after > 1.5 * low + 2:
                break
            at += step
            low = min(low, after)
        ends.append(at)
    return slice(ends[0], ends[1] + 1)


def _contradiction(pair: _Pair) -> Verdict:
    slope = (pair.soft - pair.air) / _SPAN
    intercept = pair.air - slope * AIR_HU
    words = f"air lies at {pair.air:.4g} and soft tissue at {pair.soft:.4g}, not at -1000 and 35"
    kind = _kind(slope, intercept)
    return Verdict(words + (f" (as in {kind})" if kind else ""), False, slope, intercept)


def _kind(slope: float, intercept: float) -> str | None:
    if 0.9 < slope < 1.1:
        return f"HU offset by {intercept:+.0f}"
    if -1.1 < slope < -0.9:
        return "HU turned in sign"
    if abs(intercept) < 60 * abs(slope):
        return f"HU times {slope:.2g}"
    return None
