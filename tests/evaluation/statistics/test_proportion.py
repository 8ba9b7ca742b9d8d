from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.evaluation.statistics.intervals import clopper_pearson
from molre.evaluation.statistics.proportion import CLUSTERED, EXACT, share


def test_strangers_get_the_exact_interval():
    right = np.array([True] * 7 + [False] * 5)
    found = share(right, [f"p{i:02d}" for i in range(12)])
    assert (found.low, found.high) == clopper_pearson(7, 12)
    assert (found.value, found.n, found.method) == (7 / 12, 12, EXACT)


def test_copies_of_a_study_add_nothing():
    right = np.repeat([True] * 7 + [False] * 5, 3)
    found = share(right, np.repeat([f"p{i:02d}" for i in range(12)], 3))
    assert (found.low, found.high) == pytest.approx(clopper_pearson(7, 12), abs=0.02)
    assert (found.n, found.method) == (36, CLUSTERED)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30))
def test_it_is_never_surer_than_all_studies_nor_less_than_one_a_patient(pairs):
    right = np.array([r for r, _ in pairs])
    patients = np.array([f"p{p}" for _, p in pairs])
    found = share(right, patients)
    people, hits = len(set(patients)), float(right.mean())
    widest, closest = (
        clopper_pearson(hits * people, people),
        clopper_pearson(right.sum(), len(right)),
    )
    assert widest[0] - 1e-9 <= found.low <= closest[0] + 1e-9
    assert closest[1] - 1e-9 <= found.high <= widest[1] + 1e-9


def test_nothing_has_no_share():
    assert share(np.array([], dtype=bool), []) is None
