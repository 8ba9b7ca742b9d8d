"""Training again as a second source of chance beside the patients.

Each seed of an arm is an independent repeat of its training, drawn apart from those of the other
arm (arms of one seed may share their head's start; taking them as independent then makes a test
find too little rather than too much). How far the mean of n seeds moves is estimated from the n:
the variance is Welch's, ``s1**2 / n1 + s2**2 / n2``, and its own uncertainty is in the degrees of
freedom (Satterthwaite). Resampling n seeds with replacement would draw only ``(n - 1) / n`` of that
variance, as if n were many: with 3 seeds a test of 0.05 would find what is not there in 0.1 and
more of samples. experiments/seed_level.md has the levels.

Source: Welch, Biometrika 34 (1947); Satterthwaite, Biometrics Bulletin 2 (1946).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from molre.arrays import FloatArray

NEEDED = 3  # seeds of each arm; with fewer a test is of these trained models, and says so
_STREAM = 0x5EED5
_EDGE = 1e-12  # variance of rounding


@dataclass(frozen=True)
class SeedSpread:
    """How far a difference of two arms moves when both are trained again.

    Attributes:
        variance: of the difference of means; 0 where it cannot be estimated.
        freedom: degrees of freedom of that variance.
        known: both arms have three seeds or more.
    """

    variance: float
    freedom: float
    known: bool

    def draws(self, count: int, seed: int) -> FloatArray:
        """(B,) deviations of the difference, to be added to as many resamples of patients.

        They are the quantiles of Student's t in random order: the same spread for any number of
        draws, and no more chance than the order.

        Args:
            count: B.
            seed: of the order.
        """
        if self.variance <= 0:
            return np.zeros(count)
        quantiles = t.ppf((np.arange(count) + 0.5) / count, self.freedom)
        np.random.default_rng([seed, _STREAM]).shuffle(quantiles)
        return np.asarray(math.sqrt(self.variance) * quantiles)

    def joined(self, variance: float) -> tuple[float, float]:
        """Variance and degrees of freedom with that of the patients, which is known well.

        Args:
            variance: of the patients.
        """
        whole = variance + self.variance
        if self.variance <= 0:
            return whole, math.inf
        return whole, self.freedom * (whole / self.variance) ** 2


def seed_spread(arm: FloatArray, control: FloatArray) -> SeedSpread:
    """The spread of ``arm`` minus ``control`` over training seeds.

    Args:
        arm: (R,) one number a seed.
        control: (S,) likewise.
    """
    parts = [np.asarray(arm, dtype=np.float64), np.asarray(control, dtype=np.float64)]
    if min(len(part) for part in parts) < NEEDED:
        return SeedSpread(0.0, math.inf, False)
    means = [float(part.var(ddof=1)) / len(part) for part in parts]
    whole = sum(means)
    if not whole > _EDGE**2:  # nan, or seeds that all agree
        return SeedSpread(0.0, math.inf, True)
    shares = sum(one**2 / (len(part) - 1) for one, part in zip(means, parts, strict=True))
    return SeedSpread(whole, whole**2 / shares, True)


def student_test(
    difference: float, variance: float, freedom: float, level: float
) -> tuple[float, float, float]:
    """Bounds and two-sided p of a difference whose variance has that many degrees of freedom.

    Args:
        difference: estimate.
        variance: above 0.
        freedom: infinite for the normal distribution.
        level: of the interval.
    """
    error = math.sqrt(variance)
    half = float(t.ppf(0.5 + level / 2, freedom)) * error
    p = float(2 * t.sf(abs(difference) / error, freedom))
    return difference - half, difference + half, p


def detectable(variance: float, freedom: float, alpha: float, power: float = 0.8) -> float:
    """Smallest true difference that a two-sided test finds with this power.

    Args:
        variance: of the estimated difference; nan gives nan.
        freedom: of that variance.
        alpha: of the test, already divided by the number of tests.
        power: chance to find it.

    Returns:
        ``(t(1 - alpha / 2) + t(power)) * error``, the normal quantiles where freedom is infinite.
    """
    reach = float(t.ppf(1 - alpha / 2, freedom)) + float(t.ppf(power, freedom))
    return reach * math.sqrt(variance)
