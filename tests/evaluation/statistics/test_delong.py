from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.evaluation.statistics.bootstrap import bootstrap_aucs
from molre.evaluation.statistics.delong import (
    delong,
    logit_interval,
    separation_interval,
    wald_test,
)
from tests.helpers.evaluation.references import delong_by_definition, kernel, pairwise_auc

ARM_MINUS_CONTROL = np.array([1.0, -1.0])


def sample(seed: int, positives: int, negatives: int, models: int = 2, levels: int = 0):
    """Scores of correlated models; ``levels`` rounds them, which makes ties."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.ones(positives), np.zeros(negatives)])
    shared = rng.normal(size=len(labels))
    scores = labels + shared + 0.7 * rng.normal(size=(models, len(labels)))
    return (np.round(scores * levels) / levels if levels else scores), labels


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(2, 12), st.integers(0, 2))
def test_equals_delong_by_definition(seed, positives, negatives, levels):
    scores, labels = sample(seed, positives, negatives, models=3, levels=levels)
    aucs, covariance = delong_by_definition(scores, labels)
    result = delong(scores, labels)
    np.testing.assert_allclose(result.aucs, aucs, atol=1e-12)
    np.testing.assert_allclose(result.covariance, covariance, atol=1e-12)


def test_unknown_labels_are_left_out():
    scores, labels = sample(1, 10, 12)
    more = np.concatenate([labels, [np.nan] * 5])
    padded = np.concatenate([scores, np.full((2, 5), 99.0)], axis=1)
    assert delong(padded, more).covariance == pytest.approx(delong(scores, labels).covariance)


def test_the_paired_variance_is_smaller_than_that_of_independent_models():
    result = delong(*sample(2, 30, 60))
    _, paired = result.contrast(ARM_MINUS_CONTROL)
    assert paired < result.covariance[0, 0] + result.covariance[1, 1]


def test_a_model_against_itself_does_not_differ():
    scores, labels = sample(3, 20, 20, models=1)
    test = delong(np.concatenate([scores, scores]), labels).test(ARM_MINUS_CONTROL)
    assert (test.difference, test.p) == (0.0, 1.0)


def test_the_test_is_symmetric():
    result = delong(*sample(4, 15, 40))
    there, back = result.test(ARM_MINUS_CONTROL), result.test(-ARM_MINUS_CONTROL)
    assert there.p == pytest.approx(back.p)
    assert there.low == pytest.approx(-back.high)


def test_p_values_are_uniform_where_nothing_differs():
    small = 0
    for seed in range(300):
        small += delong(*sample(seed, 40, 60)).test(ARM_MINUS_CONTROL).p < 0.05
    assert 4 <= small <= 28  # 15 expected


@given(st.floats(0.01, 0.99), st.floats(1e-8, 0.05))
def test_the_logit_interval_stays_inside_and_around(auc, variance):
    low, high = logit_interval(auc, variance, pairs=10)
    assert 0 <= low <= auc <= high <= 1


def test_intervals_cover_at_eight_positives_better_than_wald():
    truth, covered, wald = 0.7602, 0, 0  # AUC of two normals one standard deviation apart
    for seed in range(400):
        rng = np.random.default_rng(seed)
        labels = np.concatenate([np.ones(8), np.zeros(200)])
        result = delong(rng.normal(size=208) + labels, labels)
        low, high = result.interval(np.ones(1))
        covered += low <= truth <= high
        half = 1.96 * math.sqrt(result.covariance[0, 0])
        wald += abs(result.aucs[0] - truth) <= half
    assert covered > wald
    assert covered / 400 > 0.88


@pytest.mark.parametrize("pairs", [1, 5, 10, 80])
def test_separation_gets_the_one_sided_bound_of_disjoint_pairs(pairs):
    low, high = separation_interval(1.0, pairs)
    assert high == 1.0
    assert low**pairs == pytest.approx(0.05)  # an AUC of `low` separates so often
    assert separation_interval(0.0, pairs) == (0.0, pytest.approx(1 - low))


def test_the_separation_bound_holds():
    """Models whose true AUC is the bound are seen to separate in at most 5 of 100 samples."""
    rng = np.random.default_rng(0)
    low, _ = separation_interval(1.0, 10)
    shift = math.sqrt(2) * 0.6456  # normal quantile of 0.741
    assert low == pytest.approx(0.741, abs=1e-3)
    above = rng.normal(shift, 1, size=(4000, 10)).min(axis=1)
    below = rng.normal(0, 1, size=(4000, 10)).max(axis=1)
    assert (above > below).mean() < 0.05


def test_perfect_separation_is_not_reported_as_certain():
    labels = np.array([1.0] * 12 + [0.0] * 30)
    low, high = delong(labels, labels).interval(np.ones(1))
    assert (round(low, 3), high) == (round(0.05 ** (1 / 12), 3), 1.0)


def test_constant_scores_are_not_reported_as_certain():
    labels = np.array([1.0] * 12 + [0.0] * 30)
    low, high = delong(np.zeros(42), labels).interval(np.ones(1))
    assert low < 0.25
    assert high > 0.75


def test_a_difference_without_variance_has_no_p_value():
    assert math.isnan(wald_test(0.5, 0.0).p)


def test_one_positive_has_no_variance_and_the_widest_interval():
    result = delong(np.array([0.3, 0.1, 0.5]), np.array([1.0, 0.0, 0.0]))
    assert result.interval(np.ones(1)) == (0.0, 1.0)


def clusters(seed: int, patients: int = 60, scans: int = 3):
    """Scans of a patient alike; some patients have a scan with the finding and one without."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), scans)
    labels = ((owner % 3 == 0) & (rng.random(len(owner)) < 0.8)).astype(float)
    common = rng.normal(size=patients)[owner]
    scores = common + 0.5 * rng.normal(size=(2, len(owner))) + labels
    return scores, labels, [f"p{i:03d}" for i in owner]


def test_strangers_have_delongs_covariance():
    scores, labels, _ = clusters(0)
    strangers = [f"s{i:03d}" for i in range(len(labels))]
    together = delong(scores, labels, strangers).covariance
    np.testing.assert_array_equal(together, delong(scores, labels).covariance)


def test_the_clustered_covariance_is_obuchowskis():
    """Sums over patients of structural components, written out as in the paper."""
    scores, labels, patients = clusters(1)
    owners = np.array(patients)
    m, n = int((labels == 1).sum()), int((labels == 0).sum())
    aucs = np.array([pairwise_auc(row, labels) for row in scores])
    sums = {}
    for name in np.unique(owners):
        for r, row in enumerate(scores):
            mine = row[owners == name]
            which = labels[owners == name]
            above = kernel(mine[which == 1], row[labels == 0]).mean(axis=1)
            below = kernel(row[labels == 1], mine[which == 0]).mean(axis=0)
            sums[name, r] = (above - aucs[r]).sum(), (below - aucs[r]).sum()
    people = len(np.unique(owners))
    first = len({p for p, y in zip(patients, labels, strict=True) if y == 1})
    second = len({p for p, y in zip(patients, labels, strict=True) if y == 0})
    expected = np.zeros((2, 2))
    for r in range(2):
        for s in range(2):
            terms = [(sums[name, r], sums[name, s]) for name in np.unique(owners)]
            own = sum(a[0] * b[0] for a, b in terms) * first / (first - 1) / m**2
            other = sum(a[1] * b[1] for a, b in terms) * second / (second - 1) / n**2
            cross = sum(a[0] * b[1] + a[1] * b[0] for a, b in terms) * people / (people - 1)
            expected[r, s] = own + other + cross / (m * n)
    np.testing.assert_allclose(delong(scores, labels, patients).covariance, expected, atol=1e-12)


def test_the_clustered_variance_is_that_of_the_patient_bootstrap():
    scores, labels, patients = clusters(2, patients=150)
    drawn = bootstrap_aucs(scores[:, :, None], labels[:, None], patients, draws=2000)[:, :, 0]
    ours = delong(scores, labels, patients).covariance
    np.testing.assert_allclose(ours, np.cov(drawn), rtol=0.2)
    assert ours[0, 0] > 1.5 * delong(scores, labels).covariance[0, 0]
