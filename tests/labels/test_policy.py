from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.errors import MolreError
from molre.labels.findings import FindingsTable, findings
from molre.labels.policy import of_sources, targets

TABLE = findings()
COLUMNS = ("study_id", "finding", "state", "source")
OFTEN_LEFT_OUT = "cerebral_atrophy"


def labels(source: str) -> pl.DataFrame:
    rows = [
        ("s1", "skull_fracture", "present", source),
        ("s1", "hydrocephalus", "absent", source),
        ("s1", "midline_shift", "uncertain", source),
        ("s1", "epidural_hemorrhage", "not_mentioned", source),
        ("s1", OFTEN_LEFT_OUT, "not_mentioned", source),
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


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


def test_rows_are_the_studies_asked_for_in_their_order():
    both = pl.concat([labels("reader"), labels("reader").with_columns(study_id=pl.lit("s2"))])
    found = targets(both, ["s3", "s2", "s1", "s2"], TABLE)
    assert [value(found, "skull_fracture", i) for i in (1, 2, 3)] == [1, 1, 1]
    assert np.isnan(found[0]).all()
    assert targets(both, [], TABLE).shape == (0, len(TABLE))


def test_a_finding_that_the_table_does_not_know_is_left_out():
    few = FindingsTable(tuple(f for f in TABLE if f.id in ("hydrocephalus", "skull_fracture")))
    assert sorted(targets(labels("reader"), ["s1"], few)[0]) == [0, 1]


long_rows = st.lists(
    st.tuples(
        st.sampled_from(["s1", "s2", "s3"]),
        st.sampled_from(TABLE.ids),
        st.sampled_from(["present", "absent", "uncertain", "not_mentioned"]),
        st.sampled_from(["reader", "phantom", "cq500", "report-rules", "report-llm"]),
    ),
    unique_by=lambda r: r[:2],
)


@given(long_rows, st.sampled_from(["blank_means", "mask"]))
def test_every_cell_is_what_its_row_says(rows: list[tuple[str, ...]], policy: str):
    long = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")
    expected = np.full((2, len(TABLE)), np.nan, dtype=np.float32)
    for study, finding, state, source in rows:
        silent = state == "not_mentioned" and policy == "blank_means"
        trusted = source.startswith("report") and TABLE.by_id[finding].blank_means == "absent"
        if study != "s3" and (state in ("present", "absent") or (silent and trusted)):
            row, column = ("s1", "s2").index(study), TABLE.ids.index(finding)
            expected[row, column] = state == "present"
    assert np.array_equal(targets(long, ["s1", "s2"], TABLE, policy), expected, equal_nan=True)


def test_an_unknown_policy_is_refused():
    with pytest.raises(MolreError, match="'zero'"):
        targets(labels("reader"), ["s1"], TABLE, "zero")


def test_labels_of_other_sources_are_as_if_never_given():
    both = pl.concat([labels("reader"), labels("report-rules").with_columns(study_id=pl.lit("s2"))])
    found = targets(of_sources(both, ["reader"]), ["s1", "s2"], TABLE)
    assert value(found, "skull_fracture") == 1
    assert np.isnan(found[1]).all()
    assert of_sources(both, ()).equals(both)


def test_a_source_that_nobody_is_is_refused_with_the_nearest():
    with pytest.raises(MolreError, match="Did you mean 'report-rules'"):
        of_sources(labels("report-rules"), ["report-rule"])
