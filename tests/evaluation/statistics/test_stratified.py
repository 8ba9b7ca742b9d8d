from __future__ import annotations

import numpy as np
import pytest

from molre.evaluation.statistics.intervals import clopper_pearson
from molre.evaluation.statistics.stratified import Stratum, drawn_counts, weighted_counts


def sensitivity(counts):
    tp, _, fn, _ = counts
    return tp / (tp + fn)


def test_each_read_cell_stands_for_its_share_of_the_stratum():
    strata = [Stratum(True, 100, 15, 5), Stratum(False, 1000, 2, 18)]
    assert weighted_counts(strata) == (75, 25, 100, 900)


def test_what_was_read_whole_is_known():
    strata = [Stratum(True, 20, 15, 5), Stratum(False, 30, 2, 28)]
    for draws, exact in zip(drawn_counts(strata), weighted_counts(strata), strict=True):
        assert np.all(draws == exact)


def test_where_no_missed_case_was_read_there_may_be_some():
    """None of 20 is missed: of 2,000 unread there may be 2 or 200, which the weights cannot say."""
    strata = [Stratum(True, 40, 40, 0), Stratum(False, 2000, 0, 20)]
    assert sensitivity(weighted_counts(strata)) == 1
    low = np.quantile(sensitivity(drawn_counts(strata)), 0.025)
    most = clopper_pearson(0, 20)[1] * 2000
    assert low < 0.35
    assert low > 40 / (40 + most) / 1.5


@pytest.mark.parametrize("missed", [0.002, 0.02])
def test_the_weighted_estimate_is_unbiased_and_its_interval_covers(missed):
    """10,000 cells, 300 called: drawn anew each time, against the truth of them all."""
    rng = np.random.default_rng(7)
    called = np.arange(10_000) < 300
    truth = np.where(called, rng.random(10_000) < 0.8, rng.random(10_000) < missed)
    real = (truth & called).sum() / truth.sum()
    tps, fns, covered = [], [], []
    for trial in range(200):
        strata = []
        for call, wanted in ((True, 60), (False, 150)):
            drawn = rng.choice(np.flatnonzero(called == call), wanted, replace=False)
            present = int(truth[drawn].sum())
            strata.append(Stratum(call, int((called == call).sum()), present, wanted - present))
        tp, _, fn, _ = weighted_counts(strata)
        tps.append(tp), fns.append(fn)
        low, high = np.quantile(sensitivity(drawn_counts(strata, 500, trial)), [0.025, 0.975])
        covered.append(low <= real <= high)
    assert np.mean(tps) == pytest.approx((truth & called).sum(), rel=0.02)
    assert np.mean(fns) == pytest.approx((truth & ~called).sum(), rel=0.25)
    assert np.mean(covered) >= 0.9
