from __future__ import annotations

import polars as pl
import pytest

from molre.evaluation.evaluate import evaluate
from molre.evaluation.labels.noise import AT_LIMIT, CORRECTED, NOT_IDENTIFIED, NOT_MEASURED
from molre.evaluation.statistics.label_error import label_error, true_auc
from tests.helpers.evaluation.runs import FINDINGS, write_run
from tests.helpers.labels.measured import write_agreement

GOOD = (0.95, 0.9, 0.98), (0.97, 0.95, 0.99)
SDH, SHIFT, FRACTURE = FINDINGS[:3]


def table(tmp_path, rates, **more) -> pl.DataFrame:
    run = write_run(tmp_path / "run", studies=80, **more)
    evaluate(run, draws=100, label_audit=write_agreement(tmp_path / "audit", rates))
    return pl.read_parquet(run / "label_noise.parquet")


def test_each_scored_finding_has_a_row(tmp_path):
    found = table(tmp_path, {SDH: GOOD})
    assert dict(found.select("finding", "status").rows()) == {
        SDH: CORRECTED,
        SHIFT: NOT_MEASURED,
        FRACTURE: NOT_MEASURED,
    }


def test_the_range_is_over_the_intervals_of_both_rates(tmp_path):
    row = table(tmp_path, {SDH: GOOD}).row(0, named=True)
    ends = [
        true_auc(row["auc"], label_error(row["labeled"], sensitivity, specificity).factor)
        for sensitivity in (0.9, 0.95, 0.98)
        for specificity in (0.95, 0.97, 0.99)
    ]
    assert row["labeled"] == row["positives"] / row["n"]
    assert (row["corrected_low"], row["corrected_high"]) == pytest.approx((min(ends), max(ends)))
    assert row["corrected"] == pytest.approx(ends[4])
    assert row["auc"] < row["corrected"]
    assert row["outer_low"] <= row["corrected_low"]
    assert row["corrected_high"] <= row["outer_high"]


def test_perfect_labels_change_nothing(tmp_path):
    row = table(tmp_path, {SDH: ((1, 1, 1), (1, 1, 1))}).row(0, named=True)
    for name in ("corrected", "corrected_low", "corrected_high"):
        assert row[name] == pytest.approx(row["auc"])
    assert (row["outer_low"], row["outer_high"]) == pytest.approx((row["auc_low"], row["auc_high"]))


def test_where_all_positives_may_be_false_nothing_is_corrected(tmp_path):
    """About 40 of 100 are labeled; specificity may be as low as 0.5."""
    row = table(tmp_path, {SDH: ((0.9, 0.8, 1), (0.9, 0.5, 1))}).row(0, named=True)
    assert row["status"] == NOT_IDENTIFIED
    assert row["corrected"] is None
    assert row["factor"] is not None


def test_an_auc_that_such_labels_cannot_show_is_said_to_be_one(tmp_path):
    poor = (0.7, 0.65, 0.75), (0.75, 0.7, 0.8)
    row = table(tmp_path, {SDH: poor}, skill=4).row(0, named=True)
    assert row["status"] == AT_LIMIT
