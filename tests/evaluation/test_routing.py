from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from molre.evaluation.routing import Gates, entropy_by_slice, standardized_difference, summarize


def gates_of(mean: np.ndarray) -> Gates:
    studies = tuple(f"s{i:03d}" for i in range(len(mean)))
    return Gates(studies, mean, entropy_by_slice(mean), len(mean) * 5)


def random_gates(rng: np.random.Generator, n: int, experts: int = 4) -> np.ndarray:
    raw = np.exp(rng.normal(scale=0.4, size=(n, experts)))
    return raw / raw.sum(axis=1, keepdims=True)


def test_entropy_is_a_share_of_its_maximum():
    rows = np.array([[0.25] * 4, [1.0, 0, 0, 0], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(entropy_by_slice(rows), [1, 0, 0.5], atol=1e-12)


@given(st.integers(0, 200))
def test_the_association_is_welchs_statistic(seed):
    rng = np.random.default_rng(seed)
    values, labels = random_gates(rng, 40), rng.choice([0.0, 1.0, np.nan], size=(40, 2))
    ours = standardized_difference(values, labels)
    for f in range(2):
        theirs = ttest_ind(
            values[labels[:, f] == 1], values[labels[:, f] == 0], equal_var=False
        ).statistic
        np.testing.assert_allclose(ours[f], theirs, atol=1e-9)


def test_an_expert_that_follows_a_finding_is_seen():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, size=(80, 3)).astype(float)
    mean = random_gates(rng, 80)
    mean[:, 1] += 0.3 * labels[:, 2]
    mean /= mean.sum(axis=1, keepdims=True)
    summary = summarize(gates_of(mean), labels, [f"p{i}" for i in range(80)], list("abc"))
    assert summary.association[2, 1] > summary.critical
    assert summary.p[2, 1] < 0.01
    assert np.abs(summary.association[:2]).max() < summary.critical + 1
    assert summary.load == pytest.approx(mean.mean(axis=0))


def test_a_router_that_follows_nothing_rarely_exceeds_chance():
    exceeded = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 2, size=(50, 6)).astype(float)
        patients = [f"p{i}" for i in range(50)]
        summary = summarize(
            gates_of(random_gates(rng, 50)), labels, patients, list("abcdef"), permutations=100
        )
        exceeded += summary.moved > 0
    assert exceeded <= 7  # 2 expected


def test_even_gates_are_associated_with_nothing():
    labels = np.tile([[0.0], [1.0]], (20, 1))
    summary = summarize(
        gates_of(np.full((40, 6), 1 / 6)), labels, [str(i) for i in range(40)], ["a"]
    )
    assert summary.entropy == pytest.approx(1)
    assert (summary.association == 0).all()
    assert (summary.p == 1).all()


def test_rare_findings_have_no_row_and_repeated_patients_count_once():
    labels = np.tile([[0.0, 0.0], [1.0, 0.0]], (20, 1))
    patients = [str(i // 2) for i in range(40)]
    mean = random_gates(np.random.default_rng(0), 40)
    summary = summarize(gates_of(mean), labels, patients, ["a", "b"])
    assert summary.patients == 20
    assert summary.findings == ()
    assert summary.association.shape == (0, 4)
