"""Which contrasts are made, which are primary, and how they are adjusted: one rule for all tables.

Primary: molre minus every other arm of its backbone and placement, of all backbones and placements
of a comparison or benchmark together. Secondary: every other arm minus frozen. Holm covers each
family by itself, so that a contrast has the same adjusted p wherever its family is the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from molre.arms.arms import FROZEN, METHOD
from molre.evaluation.comparison.contrast import Contrast, Difference
from molre.evaluation.comparison.verdict import ALPHA, ArmFacts, Evidence, Tested, verdict
from molre.evaluation.statistics.bootstrap import DRAWS
from molre.evaluation.statistics.multiplicity import holm
from molre.evaluation.statistics.seeds import detectable

PER_TEST = 20 / ALPHA  # draws: the smallest adjusted p is then a tenth of alpha


def contrast_names(arms: Sequence[str]) -> list[tuple[str, str]]:
    """(arm, control) of all contrasts of one group, the primary ones first.

    Args:
        arms: that were run.
    """
    primary = [(METHOD, other) for other in arms if other != METHOD] if METHOD in arms else []
    others = [arm for arm in arms if arm not in (METHOD, FROZEN)]
    secondary = [(arm, FROZEN) for arm in others] if FROZEN in arms else []
    return [*primary, *secondary]


def is_primary(arm: str) -> bool:
    """Whether contrasts of this arm are of the primary family."""
    return arm == METHOD


def draws_for(tests: int) -> int:
    """Resamples, so that the most significant of so many tests can be significant.

    The smallest p of B draws is ``2 / (B + 1)``; Holm and Benjamini-Hochberg multiply it by the
    number of tests. With 400 draws a test the product is a tenth of the level.

    Args:
        tests: of all families together.
    """
    return max(DRAWS, math.ceil(PER_TEST * tests))


def smallest_p(draws: int) -> float:
    """The smallest p that so many resamples can give."""
    return 2 / (draws + 1)


def judged(
    contrasts: Sequence[Contrast], facts: Mapping[tuple[str, str], ArmFacts]
) -> tuple[Contrast, ...]:
    """Adjust each family, then say what each contrast shows; sentences look at each other.

    Args:
        contrasts: of all groups that are looked at together, raw.
        facts: of each (group, arm).
    """
    held = list(contrasts)
    for primary in (True, False):
        at = [i for i, contrast in enumerate(held) if contrast.primary == primary]
        p = np.array([held[i].macro.p for i in at])
        size = int((~np.isnan(p)).sum())
        for i, adjusted in zip(at, holm(p), strict=True):
            held[i] = _within(held[i], float(adjusted), size)
    evidence = evidence_of(held, facts)
    return tuple(replace(c, verdict=verdict(c.group, c.arm, c.control, evidence)) for c in held)


def minus_frozen(contrasts: Sequence[Contrast]) -> dict[tuple[str, str], Difference]:
    """The macro difference from frozen of each (group, arm) that has one."""
    return {(c.group, c.arm): c.macro for c in contrasts if c.control == FROZEN}


def evidence_of(
    contrasts: Sequence[Contrast], facts: Mapping[tuple[str, str], ArmFacts]
) -> Evidence:
    """The adjusted contrasts as verdicts read them."""
    tests = {
        (c.group, c.arm, c.control): Tested(
            c.macro.value, c.macro.low, c.macro.high, c.macro.p, c.macro.p_adjusted,
            c.family, c.detectable, c.seeds,
        )
        for c in contrasts
    }  # fmt: skip
    return Evidence(tests, facts)


def _within(contrast: Contrast, adjusted: float, size: int) -> Contrast:
    macro = contrast.macro
    least = detectable(macro.variance, macro.freedom, ALPHA / size) if size else math.nan
    return replace(
        contrast, macro=replace(macro, p_adjusted=adjusted), family=size, detectable=least
    )
