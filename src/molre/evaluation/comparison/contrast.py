"""One arm minus another: the paired differences, their tests, and what they show."""

from __future__ import annotations

import math
from dataclasses import dataclass

from molre.evaluation.comparison.verdict import ALPHA
from molre.evaluation.statistics.seeds import detectable


@dataclass(frozen=True)
class Difference:
    """A paired difference of AUC with its interval.

    Attributes:
        finding: id, or ``macro``.
        value, low, high: arm minus control; over other patients and, where both arms have three
            seeds or more, over other seeds.
        p: two-sided and unadjusted; nan where no test is possible.
        p_adjusted: Holm's within the contrast's family (macro), Benjamini-Hochberg's over findings.
        method: of the interval and the test.
        n: patients (macro) or studies with a known label (finding).
        variance, freedom: of the value, for the smallest difference that would be found.
    """

    finding: str
    value: float
    low: float
    high: float
    p: float
    p_adjusted: float
    method: str
    n: int
    variance: float = math.nan
    freedom: float = math.inf


@dataclass(frozen=True)
class Contrast:
    """An arm minus its control.

    Attributes:
        arm, control, group: what is compared.
        macro: the primary endpoint.
        findings: one a scored finding.
        seeds: of the arm that has fewer.
        over_seeds: the interval and p cover training again, not these trained models alone.
        primary: of the primary family.
        family: tests in its family; 0 until it is known.
        detectable: macro difference that would be found 8 times in 10, at Holm's first step.
        verdict: one plain sentence.
    """

    arm: str
    control: str
    group: str
    macro: Difference
    findings: tuple[Difference, ...]
    seeds: int
    over_seeds: bool
    primary: bool
    family: int = 0
    detectable: float = math.nan
    verdict: str = ""

    def least(self, finding: Difference) -> float:
        """Difference of one finding that would be found 8 times in 10, at the first of all."""
        return detectable(finding.variance, finding.freedom, ALPHA / max(1, len(self.findings)))

    @property
    def adjustment(self) -> str:
        """What the adjusted p of the macro difference covers."""
        kind = "primary" if self.primary else "secondary"
        return f"Holm over {self.family} {kind} contrast{'s' * (self.family != 1)}"
