from __future__ import annotations

import math

import numpy as np

from molre.evaluation.endpoint import endpoint, macro, supports


def labels_of(*columns: tuple[int, int, int]) -> np.ndarray:
    """Columns of (positives, negatives, unknown)."""
    return np.stack([np.repeat([1.0, 0.0, np.nan], counts) for counts in columns], axis=1)


def test_ten_of_each_class_are_needed():
    labels = labels_of((10, 20, 0), (9, 21, 0), (20, 9, 1), (0, 30, 0), (30, 0, 0), (10, 10, 10))
    counts = supports(labels, list("abcdef"))
    assert [c.status for c in counts] == [
        "scored", "too few", "too few", "not estimable", "not estimable", "scored",
    ]  # fmt: skip
    assert list(endpoint(counts)) == [0, 5]
    assert (counts[5].n, counts[5].unknown) == (20, 10)


def test_the_mean_is_over_the_endpoint_only():
    aucs = np.array([[0.8, 0.1, 0.6], [1.0, 0.1, np.nan]])
    first, second = macro(aucs, np.array([0, 2]))
    assert first == 0.7
    assert math.isnan(second)


def test_an_empty_endpoint_has_no_mean():
    assert np.isnan(macro(np.ones((2, 3)), np.array([], dtype=int))).all()
