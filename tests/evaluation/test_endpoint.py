from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.evaluation.endpoint import endpoint, supports
from molre.evaluation.statistics.auc import auc_by_finding


def labels_of(*columns: tuple[int, int, int]) -> np.ndarray:
    """Columns of (positives, negatives, unknown)."""
    return np.stack([np.repeat([1.0, 0.0, np.nan], counts) for counts in columns], axis=1)


def strangers(labels: np.ndarray) -> list[str]:
    return [f"p{i}" for i in range(len(labels))]


def test_ten_of_each_class_are_needed():
    labels = labels_of((10, 20, 0), (9, 21, 0), (20, 9, 1), (0, 30, 0), (30, 0, 0), (10, 10, 10))
    counts = supports(labels, list("abcdef"), strangers(labels))
    assert [c.status for c in counts] == [
        "scored", "too few", "too few", "not estimable", "not estimable", "scored",
    ]  # fmt: skip
    assert list(endpoint(counts, labels).members) == [0, 5]
    assert (counts[5].n, counts[5].unknown) == (20, 10)


CLUSTERS = [
    # positive patients, scans of each, negative patients, scans of each, status
    (1, 10, 60, 1, "too few"),
    (9, 5, 60, 1, "too few"),
    (10, 3, 60, 1, "scored"),
    (60, 1, 9, 5, "too few"),
    (60, 1, 10, 2, "scored"),
    (0, 1, 60, 1, "not estimable"),
]


@pytest.mark.parametrize(("ill", "each", "well", "every", "status"), CLUSTERS)
def test_patients_are_counted_not_their_scans(ill, each, well, every, status):
    patients = [f"a{i}" for i in range(ill) for _ in range(each)]
    patients += [f"b{i}" for i in range(well) for _ in range(every)]
    labels = np.array([1.0] * (ill * each) + [0.0] * (well * every))[:, None]
    (support,) = supports(labels, ["a"], patients)
    assert support.status == status
    assert (support.positives, support.positive_patients) == (ill * each, ill)
    assert (support.negatives, support.negative_patients) == (well * every, well)


def test_a_patient_with_scans_of_both_kinds_is_in_both():
    labels = np.array([1.0, 0.0] * 10)[:, None]
    (support,) = supports(labels, ["a"], [f"p{i // 2}" for i in range(20)])
    assert (support.positive_patients, support.negative_patients) == (10, 10)


def drawn(columns: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = (rng.random((80, columns)) < 0.4).astype(float)
    labels[rng.random(labels.shape) < 0.1] = np.nan
    return labels


def test_findings_with_the_same_known_labels_count_once():
    labels = drawn(3)
    labels = labels[:, [0, 1, 0, 2, 0]]  # the first, third and fifth ask one question
    primary = endpoint(supports(labels, list("abcde"), strangers(labels)), labels)
    assert (len(primary), primary.distinct, primary.twins) == (5, 3, ((0, 2, 4),))
    assert primary.size == "3 distinct of 5 findings"
    assert primary.weights == pytest.approx([1 / 9, 1 / 3, 1 / 9, 1 / 3, 1 / 9])
    aucs = np.array([0.6, 0.8, 0.7, 0.9, 0.8])
    assert primary.macro(aucs) == pytest.approx((0.7 + 0.8 + 0.9) / 3)


def test_a_label_known_of_other_studies_is_another_question():
    labels = drawn(1)[:, [0, 0]]
    labels[int(np.flatnonzero(labels[:, 1] == 0)[0]), 1] = np.nan
    primary = endpoint(supports(labels, ["a", "b"], strangers(labels)), labels)
    assert (primary.twins, primary.size) == ((), "2 findings")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=7), st.integers(0, 20))
def test_the_macro_auc_does_not_change_when_a_finding_is_repeated_or_moved(copies, seed):
    """Repeating columns of labels and scores, in any order, is worth nothing."""
    labels, scores = drawn(4, seed), np.random.default_rng(seed + 1).normal(size=(80, 4))
    every = [0, 1, 2, 3, *copies]
    order = np.random.default_rng(seed).permutation(every)

    def macro(columns: list[int]) -> float:
        here = labels[:, columns]
        counts = supports(here, [str(i) for i in range(len(columns))], strangers(here))
        return float(endpoint(counts, here).macro(auc_by_finding(scores[:, columns], here)))

    assert macro(list(order)) == pytest.approx(macro([0, 1, 2, 3]))


def test_the_mean_is_over_the_endpoint_only():
    labels = labels_of((10, 20, 0), (9, 21, 0), (20, 10, 0))
    primary = endpoint(supports(labels, list("abc"), strangers(labels)), labels)
    first, second = primary.macro(np.array([[0.8, 0.1, 0.6], [1.0, 0.1, np.nan]]))
    assert first == pytest.approx(0.7)
    assert math.isnan(second)


def test_an_empty_endpoint_has_no_mean():
    labels = labels_of((3, 20, 0), (9, 14, 0))
    primary = endpoint(supports(labels, list("ab"), strangers(labels)), labels)
    assert np.isnan(primary.macro(np.ones((2, 2)))).all()
    assert primary.size == "0 findings"
