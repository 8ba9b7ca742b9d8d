"""Arms against arms on the same studies: seeds averaged, patients resampled, families adjusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from molre.evaluation.auc import FloatArray, auc_by_finding
from molre.evaluation.bootstrap import DRAWS, bootstrap_aucs, percentile_interval, two_sided_p
from molre.evaluation.delong import delong
from molre.evaluation.endpoint import SCORED, Support, endpoint, macro, supports
from molre.evaluation.estimate import Estimate
from molre.evaluation.finding import BOOTSTRAP, auc_interval, one_study_a_patient
from molre.evaluation.macro_interval import JOINED, macro_interval
from molre.evaluation.multiplicity import benjamini_hochberg, holm
from molre.evaluation.verdict import CONTROLS, FROZEN, METHOD, verdict

PAIRED = "paired DeLong"


@dataclass(frozen=True)
class ArmScores:
    """Test scores of one arm.

    Attributes:
        name: of the arm, e.g. ``molre``.
        group: what else tells runs apart (backbone, placement); arms are compared inside a group.
        seeds: R training seeds.
        scores: (R, N, K) logits.
    """

    name: str
    group: str
    seeds: tuple[int, ...]
    scores: FloatArray


@dataclass(frozen=True)
class ArmResult:
    """AUCs of one arm, averaged over its seeds.

    Attributes:
        name, group, seeds: as in :class:`ArmScores`.
        aucs: one a finding; None unless scored.
        macro: over the endpoint; the interval speaks of other patients, not of other seeds.
        seed_macros: macro AUC of each seed.
    """

    name: str
    group: str
    seeds: tuple[int, ...]
    aucs: tuple[Estimate | None, ...]
    macro: Estimate
    seed_macros: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Largest minus smallest macro AUC over the seeds; nan with one seed."""
        if len(self.seeds) < 2:
            return float("nan")
        return max(self.seed_macros) - min(self.seed_macros)


@dataclass(frozen=True)
class Difference:
    """A paired difference of AUC with its interval.

    Attributes:
        finding: id, or ``macro``.
        value, low, high: arm minus control.
        p: two-sided; nan where no test is possible.
        p_adjusted: Holm over the primary contrasts (macro), Benjamini-Hochberg over findings.
        method: of the interval and the test.
        n: patients (macro) or studies with a known label (finding).
    """

    finding: str
    value: float
    low: float
    high: float
    p: float
    p_adjusted: float
    method: str
    n: int


@dataclass(frozen=True)
class Contrast:
    """An arm minus its control.

    Attributes:
        arm, control, group: what is compared.
        macro: the primary endpoint.
        findings: one a scored finding.
        verdict: one plain sentence.
    """

    arm: str
    control: str
    group: str
    macro: Difference
    findings: tuple[Difference, ...]
    verdict: str = ""


@dataclass(frozen=True)
class ArmsCompared:
    """All arms, all contrasts, and how many bootstrap draws were made and dropped."""

    supports: tuple[Support, ...]
    endpoint: tuple[str, ...]
    arms: tuple[ArmResult, ...]
    contrasts: tuple[Contrast, ...]
    draws: int
    dropped: int


@dataclass(frozen=True)
class _Test:
    """The test set that all arms share, with its bootstrap."""

    labels: FloatArray
    patients: tuple[str, ...]
    counts: tuple[Support, ...]
    members: np.ndarray


def compare_arms(
    arms: Sequence[ArmScores],
    labels: FloatArray,
    patients: tuple[str, ...],
    findings: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> ArmsCompared:
    """Score arms and contrast them: every arm minus frozen, molre minus each control.

    Args:
        arms: their scores on the same N studies.
        labels: (N, K) 1, 0 or nan.
        patients: (N,).
        findings: K ids.
        draws: of the paired patient bootstrap, shared by all arms and findings.
        seed: of the bootstrap.
    """
    counts = supports(labels, findings)
    test = _Test(labels, patients, counts, endpoint(counts))
    scores = np.concatenate([arm.scores for arm in arms])
    aucs = bootstrap_aucs(scores, labels, patients, draws=draws, seed=seed)
    bounds = np.cumsum([0, *(len(arm.seeds) for arm in arms)])
    resampled = [aucs[i:j].mean(axis=0) for i, j in pairwise(bounds)]
    pairs = _contrast_pairs(arms)
    contrasts = [_contrast(arms[a], arms[c], resampled[a], resampled[c], test) for a, c in pairs]
    dropped = int(np.isnan(macro(aucs[0], test.members)).sum()) if len(test.members) else 0
    return ArmsCompared(
        supports=counts,
        endpoint=tuple(findings[k] for k in test.members),
        arms=tuple(_arm(arm, drawn, test) for arm, drawn in zip(arms, resampled, strict=True)),
        contrasts=_adjusted(contrasts),
        draws=draws,
        dropped=dropped,
    )


def _contrast_pairs(arms: Sequence[ArmScores]) -> list[tuple[int, int]]:
    """Positions (arm, control) of the primary contrasts, inside each group."""
    at = {(arm.group, arm.name): i for i, arm in enumerate(arms)}
    pairs = []
    for arm in arms:
        wanted = [FROZEN, *(CONTROLS if arm.name == METHOD else ())]
        for control in wanted:
            if arm.name != control and (arm.group, control) in at:
                pairs.append((at[arm.group, arm.name], at[arm.group, control]))
    return sorted(pairs, key=lambda pair: (arms[pair[0]].group, arms[pair[0]].name != METHOD))


def _arm(arm: ArmScores, drawn: FloatArray, test: _Test) -> ArmResult:
    estimates = tuple(
        auc_interval(arm.scores[:, :, k], test.labels[:, k], test.patients)
        if support.status == SCORED
        else None
        for k, support in enumerate(test.counts)
    )
    each = np.array([auc_by_finding(one, test.labels) for one in arm.scores])
    seed_macros = macro(each, test.members)
    scored = [one for one in estimates if one is not None]
    low, high = macro_interval(scored, drawn[:, test.members])
    patients = len(set(test.patients))
    overall = Estimate(float(seed_macros.mean()), low, high, JOINED, patients)
    return ArmResult(
        arm.name, arm.group, arm.seeds, estimates, overall, tuple(map(float, seed_macros))
    )


def _contrast(
    arm: ArmScores,
    control: ArmScores,
    arm_draws: FloatArray,
    control_draws: FloatArray,
    test: _Test,
) -> Contrast:
    drawn = arm_draws - control_draws
    findings = [
        _finding_difference(arm, control, drawn[:, k], k, test)
        for k, support in enumerate(test.counts)
        if support.status == SCORED
    ]
    adjusted = benjamini_hochberg(np.array([finding.p for finding in findings]))
    overall = macro(drawn, test.members)
    value = float(np.mean([f.value for f in findings])) if findings else float("nan")
    low, high = percentile_interval(overall)
    patients = len(set(test.patients))
    p = two_sided_p(overall)
    return Contrast(
        arm=arm.name,
        control=control.name,
        group=arm.group,
        macro=Difference("macro", value, low, high, p, p, BOOTSTRAP, patients),
        findings=tuple(
            replace(finding, p_adjusted=float(q))
            for finding, q in zip(findings, adjusted, strict=True)
        ),
    )


def _finding_difference(
    arm: ArmScores, control: ArmScores, drawn: FloatArray, k: int, test: _Test
) -> Difference:
    """Seeds of both arms enter one DeLong covariance; several studies a patient: bootstrap."""
    result = delong(
        np.concatenate([arm.scores[:, :, k], control.scores[:, :, k]]), test.labels[:, k]
    )
    own, other = len(arm.seeds), len(control.seeds)
    weights = np.concatenate([np.full(own, 1 / own), np.full(other, -1 / other)])
    finding, n = test.counts[k].finding, test.counts[k].n
    paired = result.test(weights)
    if one_study_a_patient(test.patients):
        low, high, p, method = paired.low, paired.high, paired.p, PAIRED
    else:
        low, high = percentile_interval(drawn)
        p, method = two_sided_p(drawn), BOOTSTRAP
    return Difference(finding, paired.difference, low, high, p, p, method, n)


def _adjusted(contrasts: Sequence[Contrast]) -> tuple[Contrast, ...]:
    """Holm over all primary contrasts, then the verdicts, which look at each other."""
    family = holm(np.array([contrast.macro.p for contrast in contrasts]))
    held = [
        replace(contrast, macro=replace(contrast.macro, p_adjusted=float(p)))
        for contrast, p in zip(contrasts, family, strict=True)
    ]
    tested = {(c.group, c.arm, c.control): (c.macro.value, c.macro.p_adjusted) for c in held}
    return tuple(
        replace(contrast, verdict=verdict(contrast.group, contrast.arm, contrast.control, tested))
        for contrast in held
    )
