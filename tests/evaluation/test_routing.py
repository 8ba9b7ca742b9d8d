from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, false_discovery_control, ttest_ind

from molre.evaluation.routing import standardized_difference, summarize
from molre.runs.gates import Gates, entropy_by_slice


def gates_of(mean: np.ndarray) -> Gates:
    """Gates of one layer (N, E) or of several (N, L, E)."""
    mean = mean[:, None] if mean.ndim == 2 else mean
    n, layers, experts = mean.shape
    studies = tuple(f"s{i:03d}" for i in range(n))
    entropy = entropy_by_slice(mean.reshape(-1, experts)).reshape(n, layers)
    return Gates(studies, tuple(f"layer {i}" for i in range(layers)), mean, entropy, n * 5)


def random_gates(rng: np.random.Generator, *shape: int) -> np.ndarray:
    raw = np.exp(rng.normal(scale=0.4, size=shape))
    return raw / raw.sum(axis=-1, keepdims=True)


@given(st.integers(0, 200))
def test_the_association_is_welchs_statistic(seed):
    rng = np.random.default_rng(seed)
    values, labels = random_gates(rng, 40, 4), rng.choice([0.0, 1.0, np.nan], size=(40, 2))
    ours = standardized_difference(values, labels)
    for f in range(2):
        theirs = ttest_ind(
            values[labels[:, f] == 1], values[labels[:, f] == 0], equal_var=False
        ).statistic
        np.testing.assert_allclose(ours[f], theirs, atol=1e-9)


def test_an_expert_that_follows_a_finding_in_one_layer_is_found_there_and_nowhere_else():
    rng = np.random.default_rng(0)
    labels = (np.arange(80)[:, None] >> np.arange(3) & 1).astype(float)  # no two go together
    mean = random_gates(rng, 80, 4, 6)
    mean[:, 2, 1] += 0.3 * labels[:, 2]
    mean /= mean.sum(axis=-1, keepdims=True)
    summary = summarize(gates_of(mean), labels, [f"p{i}" for i in range(80)], list("abc"))
    assert summary.association.shape == (4, 3, 6)
    assert summary.strongest(2) == (2, 1)
    assert summary.found[2, 2, 1]
    assert not np.delete(summary.found, 2, axis=0).any()
    assert not summary.found[2, :2].any()
    beyond = np.abs(summary.association).max(axis=(1, 2)) > summary.critical
    assert beyond.tolist() == [False, False, True, False]
    np.testing.assert_allclose(summary.load, mean.mean(axis=0))


def test_the_only_expert_of_many_that_follows_a_finding_is_found():
    """960 cells: 10,000 permutations give no p that a lone one of them could be found with."""
    rng = np.random.default_rng(0)
    labels = (rng.random((120, 20)) < 0.4).astype(float)
    mean = random_gates(rng, 120, 48)
    mean[:, 7] += 0.02 * labels[:, 3]
    mean /= mean.sum(axis=-1, keepdims=True)
    findings, patients = [f"f{k}" for k in range(20)], [f"p{i:03d}" for i in range(120)]
    summary = summarize(gates_of(mean), labels, patients, findings)
    assert summary.strongest(0) == (3, 7)
    assert np.argwhere(summary.found).tolist() == [[0, 3, 7]]
    assert (summary.permutations, summary.further) == (10_000, 38_400)
    assert summary.lone
    first = summarize(gates_of(mean), labels, patients, findings, permutations=10_000)
    assert not first.lone
    assert not first.found.any()
    unlike = first.p != summary.p  # the other cells keep the p of the first round
    assert (first.p[unlike] <= 10 / 10_001).all()


@given(st.integers(0, 30))
def test_with_unknown_labels_or_without_the_difference_is_the_same(seed):
    """Complete labels take a shorter way: one unknown study, left out, must change nothing else."""
    rng = np.random.default_rng(seed)
    values, labels = random_gates(rng, 30, 4), rng.choice([0.0, 1.0], size=(30, 3))
    labels[:4] = [[0.0] * 3, [0.0] * 3, [1.0] * 3, [1.0] * 3]
    whole = standardized_difference(values, labels)
    unknown = np.concatenate([labels, np.full((1, 3), np.nan)])
    more = np.concatenate([values, values[:1]])
    np.testing.assert_allclose(standardized_difference(more, unknown), whole, atol=1e-9)


def test_a_layer_reads_the_same_alone_and_among_others():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, size=(60, 2)).astype(float)
    mean, patients = random_gates(rng, 60, 3, 4), [f"p{i}" for i in range(60)]
    whole = summarize(gates_of(mean), labels, patients, ["a", "b"], permutations=200)
    alone = summarize(gates_of(mean[:, 1]), labels, patients, ["a", "b"], permutations=200)
    np.testing.assert_allclose(alone.association[0], whole.association[1])
    np.testing.assert_array_equal(alone.p[0], whole.p[1])
    assert alone.critical[0] == pytest.approx(whole.critical[1])
    family = false_discovery_control(whole.p.ravel()).reshape(whole.p.shape)
    np.testing.assert_allclose(whole.q, family)


def test_routers_that_follow_nothing_are_found_at_the_rate_that_is_stated():
    draws, cells, found, beyond = 200, 0, 0, 0
    small = 0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        labels = (rng.random((50, 3)) < 0.4).astype(float)
        mean = random_gates(rng, 50, 2, 3)
        mean[:, 1] = (mean[:, 0] + mean[:, 1]) / 2  # layers of one network are not independent
        patients = [f"p{i}" for i in range(50)]
        summary = summarize(gates_of(mean), labels, patients, list("abc"), permutations=199)
        found += summary.found.any()
        small, cells = small + (summary.p <= 0.05).sum(), cells + summary.p.size
        beyond += np.abs(summary.association[0]).max() > summary.critical[0]
    assert found <= binom.ppf(0.999, draws, 0.05)
    assert binom.ppf(0.001, draws, 0.05) <= beyond <= binom.ppf(0.999, draws, 0.05)
    assert small / cells == pytest.approx(0.05, abs=0.015)


def test_patients_are_dealt_not_slices_or_studies():
    """Gates that belong to a patient, not to a finding, are no evidence however many studies."""
    rng = np.random.default_rng(3)
    patients = [f"p{i // 20:02d}" for i in range(600)]
    of_patient = rng.integers(0, 2, 30).astype(float)
    labels = np.repeat(of_patient, 20)[:, None]
    mean = np.repeat(random_gates(rng, 30, 4), 20, axis=0)
    summary = summarize(gates_of(mean), labels, patients, ["a"])
    each = summarize(gates_of(mean[::20]), labels[::20], patients[::20], ["a"])
    assert summary.patients == 30
    np.testing.assert_array_equal(summary.p, each.p)


def test_even_gates_are_associated_with_nothing():
    labels = np.tile([[0.0], [1.0]], (20, 1))
    summary = summarize(
        gates_of(np.full((40, 6), 1 / 6)), labels, [str(i) for i in range(40)], ["a"]
    )
    assert summary.entropy == pytest.approx([1])
    assert (summary.association == 0).all()
    assert (summary.p == 1).all()
    assert not summary.found.any()


def test_rare_findings_have_no_row_and_repeated_patients_count_once():
    labels = np.tile([[0.0, 0.0], [1.0, 0.0]], (20, 1))
    patients = [str(i // 2) for i in range(40)]
    mean = random_gates(np.random.default_rng(0), 40, 4)
    summary = summarize(gates_of(mean), labels, patients, ["a", "b"])
    assert summary.patients == 20
    assert summary.findings == ()
    assert summary.association.shape == (1, 0, 4)
    assert np.isnan(summary.critical).all()
