"""Arms against arms on the same studies: seeds averaged, patients and seeds resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from molre.arrays import FloatArray
from molre.evaluation.comparison.contrast import Contrast, Difference
from molre.evaluation.comparison.families import (
    contrast_names,
    draws_for,
    is_primary,
    judged,
    smallest_p,
)
from molre.evaluation.comparison.verdict import ArmFacts
from molre.evaluation.endpoint import SCORED, Endpoint, Support, endpoint, supports
from molre.evaluation.finding_metrics import BOOTSTRAP, auc_interval, one_study_a_patient
from molre.evaluation.statistics.auc import auc_by_finding
from molre.evaluation.statistics.bootstrap import bootstrap_aucs, percentile_interval, two_sided_p
from molre.evaluation.statistics.delong import NO_VARIANCE, delong, wald_test
from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.intervals import LEVEL
from molre.evaluation.statistics.macro_interval import JOINED, macro_interval
from molre.evaluation.statistics.multiplicity import benjamini_hochberg
from molre.evaluation.statistics.seeds import SeedSpread, seed_spread, student_test

PAIRED = "paired DeLong"
OVER_SEEDS = ", seeds by Welch"


@dataclass(frozen=True)
class ArmScores:
    """Test scores of one arm.

    Attributes:
        name: of the arm, e.g. ``molre``.
        group: what else tells runs apart (backbone, placement); arms are compared inside a group.
        seeds: R training seeds.
        scores: (R, N, K) logits.
        facts: what the runs say of themselves.
    """

    name: str
    group: str
    seeds: tuple[int, ...]
    scores: FloatArray
    facts: ArmFacts = field(default_factory=ArmFacts)


@dataclass(frozen=True)
class ArmResult:
    """AUCs of one arm, averaged over its seeds.

    Attributes:
        name, group, seeds: as in :class:`ArmScores`.
        aucs: one a finding; None unless scored.
        macro: over the endpoint; the interval speaks of other patients, not of other seeds.
        seed_macros: macro AUC of each seed.
        facts: what the runs say of themselves.
    """

    name: str
    group: str
    seeds: tuple[int, ...]
    aucs: tuple[Estimate | None, ...]
    macro: Estimate
    seed_macros: tuple[float, ...]
    facts: ArmFacts

    @property
    def spread(self) -> float:
        """Largest minus smallest macro AUC over the seeds; nan with one seed."""
        if len(self.seeds) < 2:
            return float("nan")
        return max(self.seed_macros) - min(self.seed_macros)


@dataclass(frozen=True)
class ArmsCompared:
    """All arms, all contrasts, and how many bootstrap draws were made and dropped.

    Attributes:
        supports: counts of all findings.
        endpoint: ids of the scored findings.
        size: of the endpoint in words, e.g. ``14 distinct of 18 findings``.
        weights: of each finding of the endpoint.
        arms, contrasts: the results.
        draws, dropped: resamples made, and left out for holding one class only.
    """

    supports: tuple[Support, ...]
    endpoint: tuple[str, ...]
    size: str
    weights: tuple[float, ...]
    arms: tuple[ArmResult, ...]
    contrasts: tuple[Contrast, ...]
    draws: int
    dropped: int

    @property
    def smallest_p(self) -> float:
        """The smallest unadjusted p that the resamples could give."""
        return smallest_p(self.draws - self.dropped)

    @property
    def facts(self) -> dict[tuple[str, str], ArmFacts]:
        """What is known of each (group, arm)."""
        return {(arm.group, arm.name): arm.facts for arm in self.arms}


@dataclass(frozen=True)
class _Test:
    """The test set that all arms share, and the resamples of its patients."""

    labels: FloatArray
    patients: tuple[str, ...]
    counts: tuple[Support, ...]
    primary: Endpoint
    seed: int

    @property
    def people(self) -> int:
        return len(set(self.patients))


@dataclass(frozen=True)
class _Drawn:
    """An arm's AUCs: of each seed (R, K); their mean on each resample, of the endpoint (B, F)."""

    arm: ArmScores
    each: FloatArray
    drawn: FloatArray


def compare_arms(
    arms: Sequence[ArmScores],
    labels: FloatArray,
    patients: tuple[str, ...],
    findings: Sequence[str],
    *,
    draws: int | None = None,
    seed: int = 0,
) -> ArmsCompared:
    """Score arms and contrast them: molre minus every other arm, the others minus frozen.

    Args:
        arms: their scores on the same N studies.
        labels: (N, K) 1, 0 or nan.
        patients: (N,).
        findings: K ids.
        draws: of the paired patient bootstrap, shared by all arms and findings; by default enough
            for the number of tests, see :func:`needed_draws`.
        seed: of the bootstrap.
    """
    counts = supports(labels, findings, patients)
    test = _Test(labels, patients, counts, endpoint(counts, labels), seed)
    pairs = _contrast_pairs(arms)
    draws = needed_draws(len(pairs), labels, patients, findings) if draws is None else draws
    scores = np.concatenate([arm.scores for arm in arms])
    members = test.primary.members
    aucs = bootstrap_aucs(
        scores[:, :, members], labels[:, members], patients, draws=draws, seed=seed
    )
    bounds = np.cumsum([0, *(len(arm.seeds) for arm in arms)])
    drawn = [
        _Drawn(
            arm,
            np.array([auc_by_finding(one, labels) for one in arm.scores]),
            aucs[i:j].mean(axis=0),
        )
        for arm, (i, j) in zip(arms, pairwise(bounds), strict=True)
    ]
    results = tuple(_arm(one, test) for one in drawn)
    facts = {(arm.group, arm.name): arm.facts for arm in arms}
    primary = test.primary
    return ArmsCompared(
        supports=counts,
        endpoint=tuple(findings[k] for k in primary.members),
        size=primary.size,
        weights=tuple(map(float, primary.weights)),
        arms=results,
        contrasts=judged([_contrast(drawn[a], drawn[c], test) for a, c in pairs], facts),
        draws=draws,
        dropped=int(np.isnan(primary.mean(aucs[0])).sum()) if len(primary) else 0,
    )


def needed_draws(
    contrasts: int, labels: FloatArray, patients: Sequence[str], findings: Sequence[str]
) -> int:
    """Resamples for so many contrasts and, where findings are tested by them, for these too.

    Args:
        contrasts: of all groups that are adjusted together.
        labels, patients, findings: of the test set.
    """
    tests = contrasts
    if not one_study_a_patient(tuple(patients)):
        counts = supports(labels, findings, patients)
        tests = max(tests, sum(support.status == SCORED for support in counts))
    return draws_for(tests)


def _contrast_pairs(arms: Sequence[ArmScores]) -> list[tuple[int, int]]:
    """Positions (arm, control) of the contrasts, inside each group."""
    at = {(arm.group, arm.name): i for i, arm in enumerate(arms)}
    groups = sorted({arm.group for arm in arms})
    return [
        (at[group, arm], at[group, control])
        for group in groups
        for arm, control in contrast_names([a.name for a in arms if a.group == group])
    ]


def _arm(one: _Drawn, test: _Test) -> ArmResult:
    arm, primary = one.arm, test.primary
    estimates = tuple(
        auc_interval(arm.scores[:, :, k], test.labels[:, k], test.patients)
        if support.status == SCORED
        else None
        for k, support in enumerate(test.counts)
    )
    seed_macros = primary.macro(one.each)
    scored = [estimate for estimate in estimates if estimate is not None]
    low, high = macro_interval(scored, one.drawn, primary.weights)
    overall = Estimate(float(seed_macros.mean()), low, high, JOINED, test.people)
    return ArmResult(
        arm.name,
        arm.group,
        arm.seeds,
        estimates,
        overall,
        tuple(map(float, seed_macros)),
        arm.facts,
    )


def _contrast(arm: _Drawn, control: _Drawn, test: _Test) -> Contrast:
    findings = [
        _finding_difference(arm, control, int(k), i, test)
        for i, k in enumerate(test.primary.members)
    ]
    adjusted = benjamini_hochberg(np.array([finding.p for finding in findings]))
    macros = test.primary.macro(arm.each), test.primary.macro(control.each)
    over = seed_spread(*macros)
    drawn = test.primary.mean(arm.drawn - control.drawn)
    value = float(macros[0].mean() - macros[1].mean())
    return Contrast(
        arm=arm.arm.name,
        control=control.arm.name,
        group=arm.arm.group,
        macro=_resampled("macro", value, drawn, over, test.people, test.seed),
        findings=tuple(
            replace(finding, p_adjusted=float(q))
            for finding, q in zip(findings, adjusted, strict=True)
        ),
        seeds=min(len(arm.arm.seeds), len(control.arm.seeds)),
        over_seeds=over.known,
        primary=is_primary(arm.arm.name),
    )


def _resampled(
    finding: str, value: float, drawn: FloatArray, over: SeedSpread, n: int, seed: int
) -> Difference:
    """A difference from its resamples of patients, each with a draw of the seeds."""
    moved = drawn + over.draws(len(drawn), seed)
    low, high = percentile_interval(moved)
    p = two_sided_p(moved)
    left = drawn[~np.isnan(drawn)]
    variance, freedom = over.joined(float(left.var(ddof=1)) if len(left) > 1 else float("nan"))
    method = BOOTSTRAP + OVER_SEEDS * over.known
    return Difference(finding, value, low, high, p, p, method, n, variance, freedom)


def _finding_difference(arm: _Drawn, control: _Drawn, k: int, i: int, test: _Test) -> Difference:
    """Seeds of both arms enter one DeLong covariance; several studies a patient: bootstrap."""
    finding, n = test.counts[k].finding, test.counts[k].n
    over = seed_spread(arm.each[:, k], control.each[:, k])
    if not one_study_a_patient(test.patients):
        value = float(arm.each[:, k].mean() - control.each[:, k].mean())
        drawn = arm.drawn[:, i] - control.drawn[:, i]
        return _resampled(finding, value, drawn, over, n, test.seed)
    result = delong(
        np.concatenate([arm.arm.scores[:, :, k], control.arm.scores[:, :, k]]), test.labels[:, k]
    )
    own, other = len(arm.arm.seeds), len(control.arm.seeds)
    value, of_patients = result.contrast(
        np.concatenate([np.full(own, 1 / own), np.full(other, -1 / other)])
    )
    variance, freedom = over.joined(of_patients)
    method = PAIRED + OVER_SEEDS * over.known
    if over.variance > 0 and variance > NO_VARIANCE:
        low, high, p = student_test(value, variance, freedom, LEVEL)
    else:
        plain = wald_test(value, of_patients)
        value, low, high, p = plain.difference, plain.low, plain.high, plain.p
    return Difference(finding, value, low, high, p, p, method, n, variance, freedom)
