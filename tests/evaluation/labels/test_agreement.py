from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.evaluation.labels.agreement import NUMBERS, label_audit
from molre.evaluation.labels.cells import CODE, Cells, Left
from molre.evaluation.statistics import kappa
from molre.evaluation.statistics.proportion import CLUSTERED, EXACT
from molre.labels.long_table import STATES

NOTHING = Left(0, 0, (), (), 0, 0)


def cells_of(pairs, findings=("midline_shift",), patients=None, stratum=None, sizes=None) -> Cells:
    """Pairs of states, study by study and finding by finding."""
    k = len(findings)
    studies = np.array([f"r{i // k:03d}" for i in range(len(pairs))])
    return Cells(
        tuple(findings),
        studies,
        studies if patients is None else np.array([patients[i // k] for i in range(len(pairs))]),
        np.arange(len(pairs)) % k,
        np.array([CODE[a] for a, _ in pairs], dtype=np.int8),
        np.array([CODE[b] for _, b in pairs], dtype=np.int8),
        NOTHING,
        None if stratum is None else np.array(stratum),
        sizes,
    )


def audited(pairs, **more):
    return label_audit(cells_of(pairs, **more), grouped="patients" in more, draws=200)


def test_not_mentioned_is_not_present_and_uncertain_is_apart():
    pairs = [
        ("present", "present"),
        ("present", "not_mentioned"),
        ("absent", "present"),
        ("not_mentioned", "absent"),
        ("uncertain", "present"),
        ("absent", "uncertain"),
    ]
    found = audited(pairs).micro
    assert (found.n, found.apart, found.counts) == (6, 2, (1, 1, 1, 1))
    assert found.numbers["sensitivity"].value == 0.5
    assert found.confusion.sum() == 6


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(STATES)), min_size=1))
def test_confusion_and_states_count_every_cell(pairs):
    audit = audited(pairs)
    counted = Counter(pairs)
    for (i, a), (j, b) in itertools.product(enumerate(STATES), enumerate(STATES)):
        assert audit.micro.confusion[i, j] == counted[a, b]
    for state in STATES:
        truth = sum(b == state for _, b in pairs)
        right = counted[state, state]
        found = audit.states[state]["sensitivity"]
        assert (found is None) == (truth == 0)
        if found is not None:
            assert found.value == pytest.approx(right / truth)


def test_micro_joins_cells_and_macro_averages_findings():
    two = ("midline_shift", "skull_fracture")
    yes, no = ("present", "present"), ("absent", "present")
    pairs = [yes, no] * 3 + [yes, ("absent", "absent")] * 3  # all of one, none of the other
    audit = audited(pairs, findings=two)
    assert audit.micro.numbers["sensitivity"].value == pytest.approx(6 / 9)
    assert audit.macro["sensitivity"].value == pytest.approx((1 + 0) / 2)
    assert audit.macro["sensitivity"].n == 2
    assert audit.macro["sensitivity"].low <= 0.5 <= audit.macro["sensitivity"].high


def test_reports_of_one_patient_are_not_independent():
    states = ["present", "absent"]
    pairs = [(states[i // 4 % 2], states[i // 8 % 2]) for i in range(64)]
    alone = audited(pairs).findings[0].numbers
    grouped = audited(pairs, patients=[f"p{i // 4}" for i in range(64)]).findings[0].numbers
    assert (alone["accuracy"].method, grouped["accuracy"].method) == (EXACT, CLUSTERED)
    assert grouped["kappa"].method == kappa.CLUSTERED
    for name in ("accuracy", "sensitivity", "kappa"):
        wide, narrow = (one[name].high - one[name].low for one in (grouped, alone))
        assert wide > 1.3 * narrow
        assert grouped[name].value == pytest.approx(alone[name].value)


def test_a_finding_that_nobody_has_gets_no_numbers_of_it():
    found = audited([("absent", "absent")] * 5).findings[0].numbers
    assert found["accuracy"].value == 1
    assert [found[name] for name in ("sensitivity", "ppv", "f1", "kappa")] == [None] * 4


def test_a_sample_tells_of_the_labels_that_it_was_drawn_from():
    """40 of 400 calls read, 75 % right; 20 of 600 others, one missed."""
    pairs = [("present", "present")] * 30 + [("present", "absent")] * 10
    pairs += [("absent", "present")] + [("absent", "absent")] * 19
    stratum = ["called"] * 40 + ["other"] * 20
    audit = audited(pairs, stratum=stratum, sizes={"called": 400, "other": 600})
    found = audit.findings[0]
    assert found.counts == pytest.approx((300, 100, 30, 570))
    assert found.numbers["ppv"].value == 0.75
    assert found.numbers["sensitivity"].value == pytest.approx(300 / 330)
    assert found.numbers["sensitivity"].low < 0.75
    assert audit.states == {}


def test_all_numbers_have_a_place():
    assert set(audited([("present", "present"), ("absent", "absent")]).micro.numbers) == set(
        NUMBERS
    )
