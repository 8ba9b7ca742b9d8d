from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.policy import targets

TABLE = findings()
OFTEN_LEFT_OUT = "cerebral_atrophy"


def labels(source: str) -> pl.DataFrame:
    rows = [
        ("s1", "skull_fracture", "present", source),
        ("s1", "hydrocephalus", "absent", source),
        ("s1", "midline_shift", "uncertain", source),
        ("s1", "epidural_hemorrhage", "not_mentioned", source),
        ("s1", OFTEN_LEFT_OUT, "not_mentioned", source),
    ]
    return pl.DataFrame(rows, schema=["study_id", "finding", "state", "source"], orient="row")


def value(found: np.ndarray, finding: str, row: int = 0) -> float:
    return float(found[row, TABLE.ids.index(finding)])


@pytest.mark.parametrize("policy", ["blank_means", "mask"])
def test_what_is_stated_counts_and_uncertain_is_unknown_under_every_policy(policy: str):
    found = targets(labels("report-rules"), ["s1", "s2"], TABLE, policy)
    assert found.shape == (2, len(TABLE))
    assert found.dtype == np.float32
    assert value(found, "skull_fracture") == 1
    assert value(found, "hydrocephalus") == 0
    assert np.isnan(value(found, "midline_shift"))
    assert np.isnan(found[1]).all()


def test_silence_of_a_report_means_what_the_table_says():
    found = targets(labels("report-rules"), ["s1"], TABLE, "blank_means")
    assert value(found, "epidural_hemorrhage") == 0
    assert np.isnan(value(found, OFTEN_LEFT_OUT))


@pytest.mark.parametrize(("source", "policy"), [("reader", "blank_means"), ("report-llm", "mask")])
def test_without_a_report_or_masked_silence_is_unknown(source: str, policy: str):
    found = targets(labels(source), ["s1"], TABLE, policy)
    assert np.isnan(value(found, "epidural_hemorrhage"))


def test_an_unknown_policy_is_refused():
    with pytest.raises(MolreError, match="'zero'"):
        targets(labels("reader"), ["s1"], TABLE, "zero")
