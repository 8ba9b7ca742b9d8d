from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.evaluation.statistics.multiplicity import benjamini_hochberg, holm

p_values = st.lists(
    st.sampled_from([0.0, 0.001, 0.01, 0.02, 0.04, 0.3, 0.9, 1.0]), min_size=1, max_size=30
)


@pytest.mark.parametrize(("ours", "theirs"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
@settings(max_examples=20, deadline=None)
@given(p=p_values)
def test_equals_statsmodels(ours, theirs, p):
    from statsmodels.stats.multitest import multipletests

    expected = multipletests(p, method=theirs)[1]
    np.testing.assert_allclose(ours(np.array(p)), expected, atol=1e-12)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_what_was_not_tested_does_not_count(adjust):
    adjusted = adjust(np.array([0.01, np.nan, 0.04]))
    np.testing.assert_allclose(adjusted[[0, 2]], adjust(np.array([0.01, 0.04])))
    assert np.isnan(adjusted[1])
    assert len(adjust(np.array([]))) == 0
