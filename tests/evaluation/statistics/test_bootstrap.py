from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.evaluation.statistics import bootstrap, weighted_auc
from molre.evaluation.statistics.bootstrap import (
    bootstrap_aucs,
    patient_weights,
    percentile_interval,
    two_sided_p,
)
from tests.helpers.evaluation.references import pairwise_auc


def sample(seed: int, studies: int = 40, models: int = 2, findings: int = 3):
    rng = np.random.default_rng(seed)
    labels = rng.choice([0.0, 1.0, np.nan], p=[0.5, 0.4, 0.1], size=(studies, findings))
    scores = np.round(2 * (np.nan_to_num(labels) + rng.normal(size=(models, studies, findings))))
    patients = np.array([f"p{i}" for i in rng.integers(0, studies // 2, size=studies)])
    return scores, labels, patients


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_equals_copying_the_studies_of_the_drawn_patients(seed):
    scores, labels, patients = sample(seed)
    names = np.unique(patients)
    fast = bootstrap_aucs(scores, labels, patients, draws=6, seed=seed)
    for b, weights in enumerate(patient_weights(len(names), 6, seed)):
        drawn = np.concatenate(
            [np.flatnonzero(patients == names[p]) for p in np.repeat(range(len(names)), weights)]
        )
        for m in range(scores.shape[0]):
            for k in range(labels.shape[1]):
                column = labels[drawn, k]
                if (column == 1).any() and (column == 0).any():
                    slow = pairwise_auc(scores[m, drawn, k], column)
                    assert fast[m, b, k] == pytest.approx(slow, abs=1e-12)
                else:
                    assert np.isnan(fast[m, b, k])


@pytest.mark.parametrize("block", [1, 3, 8])
def test_blocks_and_ties_across_them_change_nothing(monkeypatch, block):
    scores, labels, patients = sample(11, studies=60)
    scores[0] = np.round(scores[0] / 4)  # runs of ties longer than a block
    scores[1, :, 0] = 0.0
    whole = bootstrap_aucs(scores, labels, patients, draws=20, seed=3)
    monkeypatch.setattr(weighted_auc, "BLOCK", block)
    np.testing.assert_array_equal(bootstrap_aucs(scores, labels, patients, draws=20, seed=3), whole)
    np.testing.assert_array_equal(whole[1, :, 0], np.where(np.isnan(whole[0, :, 0]), np.nan, 0.5))


def test_threads_give_the_bits_of_one_thread():
    rng = np.random.default_rng(2)
    labels = (rng.random((700, 6)) < 0.2).astype(float)
    scores = rng.normal(size=(2, 700, 6)) + labels
    patients = [f"p{i // 2:03d}" for i in range(700)]
    one, two, five = (
        bootstrap_aucs(scores, labels, patients, draws=50, threads=threads) for threads in (1, 2, 5)
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, five)


def test_each_draw_has_as_many_patients_as_there_are():
    weights = patient_weights(17, 50, seed=3)
    assert (weights.sum(axis=1) == 17).all()


def test_draws_do_not_share_random_numbers_with_data_of_the_same_seed():
    chosen = np.random.default_rng(0).random(2000) < 0.1
    first = patient_weights(2000, 1, seed=0)[0]
    assert 0.8 < first[chosen].mean() < 1.2


def test_the_same_seed_gives_the_same_draws_in_any_chunks(monkeypatch):
    scores, labels, patients = sample(5)
    whole = bootstrap_aucs(scores, labels, patients, draws=30, seed=1)
    monkeypatch.setattr(bootstrap, "_CHUNK", 64)
    np.testing.assert_array_equal(bootstrap_aucs(scores, labels, patients, draws=30, seed=1), whole)
    other = bootstrap_aucs(scores, labels, patients, draws=30, seed=2)
    assert not np.array_equal(other, whole, equal_nan=True)


def test_models_are_resampled_together():
    scores, labels, patients = sample(6, models=1)
    twice = np.concatenate([scores, scores + 1])
    first, second = bootstrap_aucs(twice, labels, patients, draws=40)
    np.testing.assert_array_equal(first, second)


def test_a_draw_with_one_class_is_nan_and_an_impossible_finding_all_nan():
    labels = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    aucs = bootstrap_aucs(np.zeros((1, 3, 2)), labels, ["a", "b", "c"], draws=200)
    assert 0 < np.isnan(aucs[0, :, 0]).sum() < 200
    assert np.isnan(aucs[0, :, 1]).all()


def test_scans_of_one_patient_widen_the_interval():
    scores, labels, _ = sample(7, studies=60, models=1, findings=1)
    tripled = np.repeat(scores, 3, axis=1), np.repeat(labels, 3, axis=0)
    patients = np.repeat([f"p{i}" for i in range(60)], 3)
    strangers = np.array([f"s{i}" for i in range(180)])
    honest = bootstrap_aucs(*tripled, patients, draws=500)[0, :, 0]
    naive = bootstrap_aucs(*tripled, strangers, draws=500)[0, :, 0]
    assert np.nanstd(honest) > 1.5 * np.nanstd(naive)


def test_the_interval_is_that_of_the_known_draws():
    assert percentile_interval(np.array([np.nan, *np.linspace(0, 1, 101)])) == pytest.approx(
        (0.025, 0.975)
    )
    assert np.isnan(percentile_interval(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        (np.full(999, 0.2), 0.002),  # never 0
        (np.zeros(999), 1.0),
        (np.array([-1.0, 1.0] * 50), 1.0),
        (np.array([-1.0] * 9 + [1.0] * 990), 0.02),
    ],
)
def test_p_is_the_level_at_which_the_interval_reaches_zero(differences, p):
    assert two_sided_p(differences) == pytest.approx(p, abs=1e-12)
    assert two_sided_p(-differences) == two_sided_p(differences)


def test_no_draws_give_no_p():
    assert np.isnan(two_sided_p(np.array([np.nan, np.nan])))
