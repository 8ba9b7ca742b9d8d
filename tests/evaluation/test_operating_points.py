"""Thresholds are chosen on calibrate by brute force's answer, frozen, and tested on test."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.evaluation.operating_points import (
    CHOSEN,
    RULES,
    Rule,
    bayes,
    choose,
    operating_points,
    predictive_values,
)
from molre.evaluation.statistics.intervals import clopper_pearson
from molre.evaluation.statistics.proportion import effective
from molre.runs.run import read_run
from tests.helpers.evaluation.runs import FINDINGS, write_run

# evenly spread, or neighboring doubles, between which there is nothing
SPREADS = {"even": lambda n: n / 12, "single": lambda n: float(np.float32(1) - n * 2.0**-24)}
SPREADS |= {start: lambda n, at=float(start): at + n * np.spacing(at) for start in ("0.3", "0.5")}
SPREADS |= {"none": lambda n: n * 5e-324, "all": lambda n: 1.0 - n * 2.0**-53}
cases = st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=40)


@given(cases, st.sampled_from(RULES), st.sampled_from(sorted(SPREADS)))
def test_a_threshold_holds_its_target_and_gives_nothing_away(pairs, rule, spread):
    labels = np.array([float(present) for present, _ in pairs])
    p = np.array([SPREADS[spread](value) for _, value in pairs])
    if not (labels == (rule.kind == "sensitivity")).any():
        return
    cut = json.loads(json.dumps(choose(p, labels, rule)))

    def held(threshold: float) -> float:
        if rule.kind == "sensitivity":
            return float((p[labels == 1] >= threshold).mean())
        return float((p[labels == 0] < threshold).mean())

    assert held(cut) >= rule.target - 1e-12
    others = [c for c in (*np.unique(p), 1.1) if held(c) >= rule.target - 1e-12]
    best = max(others) if rule.kind == "sensitivity" else min(others)
    np.testing.assert_array_equal(p >= cut, p >= best)  # calls as the best of all cuts does


def test_points_come_from_calibrate_and_their_numbers_from_test(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=200))
    table = operating_points(run)
    assert len(table) == len(FINDINGS) * len(RULES)
    row = table.row(0, named=True)
    assert (row["finding"], row["rule"]) == (FINDINGS[0], "specificity 0.90")
    calibrate = run.calibrate
    assert calibrate is not None
    own = calibrate.labels[:, 0]
    assert row["threshold"] == choose(calibrate.probabilities[:, 0], own, RULES[0])
    assert row["calibrate_negatives"] == (own == 0).sum()
    negatives = run.probabilities[run.labels[:, 0] == 0, 0]
    spared = int((negatives < row["threshold"]).sum())
    assert row["specificity"] == pytest.approx(spared / len(negatives))
    assert row["specificity_n"] == len(negatives)
    assert (row["specificity_low"], row["specificity_high"]) == clopper_pearson(
        spared, len(negatives)
    )


def test_too_few_cases_to_choose_from_give_no_threshold(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=60))
    rare = operating_points(run).filter(
        (pl.col("finding") == FINDINGS[3]) & pl.col("rule").str.starts_with("sensitivity")
    )
    assert rare["status"].to_list() == [
        "fewer than 10 patients to choose it from",
        "fewer than 20 patients to choose it from",
    ]
    assert rare["threshold"].to_list() == [None, None]
    assert rare["sensitivity"].to_list() == [None, None]
    assert Rule("specificity", 0.95).needed == 20


def test_a_threshold_is_chosen_from_patients_not_from_their_scans(tmp_path):
    """Ten scans of a patient are one: ten patients are too few to hold a specificity of .95."""
    run = read_run(write_run(tmp_path / "run", studies=100, studies_a_patient=10))
    assert run.calibrate is not None
    table = operating_points(run).filter(pl.col("finding") == FINDINGS[0])
    people = len(set(run.calibrate.patients))
    assert table["calibrate_negatives"][0] > 20
    strict = table.filter(pl.col("rule") == "specificity 0.95")
    assert people == 10
    assert strict["status"].to_list() == ["fewer than 20 patients to choose it from"]


def test_at_the_prevalence_of_the_test_set_predictive_values_are_what_was_counted(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=200))
    points = operating_points(run).filter(pl.col("status") == CHOSEN)
    values = predictive_values(points, stated=(0.02,))
    own = values.filter(pl.col("prevalence_origin") == "test").row(0, named=True)
    cut = points["threshold"][0]
    called, labels = run.probabilities[:, 0] >= cut, run.labels[:, 0]
    known = ~np.isnan(labels)
    assert own["ppv"] == pytest.approx(labels[known & called].mean())
    assert own["npv"] == pytest.approx(1 - labels[known & ~called].mean())
    assert own["ppv_n"] == known.sum()
    rarer = values.filter(pl.col("prevalence") == 0.02).row(0, named=True)
    assert rarer["ppv"] < own["ppv"]
    assert rarer["npv"] > own["npv"]


def test_intervals_of_predictive_values_hold():
    rng, se, sp, prevalence = np.random.default_rng(0), 0.85, 0.9, 0.1
    ppv = se * prevalence / (se * prevalence + (1 - sp) * (1 - prevalence))
    npv = sp * (1 - prevalence) / (sp * (1 - prevalence) + (1 - se) * prevalence)
    held = np.zeros(2)
    for _ in range(1000):
        seen = rng.binomial(40, se) / 40, rng.binomial(200, sp) / 200
        both = bayes(*seen, 40, 200, prevalence, studies=240)
        held += [one.low <= truth <= one.high for one, truth in zip(both, (ppv, npv), strict=True)]
    assert (held / 1000 > 0.93).all()


def test_nobody_called_positive_has_no_ppv():
    ppv, npv = bayes(0.0, 1.0, 20, 100, 0.1, studies=120)
    assert math.isnan(ppv.value)
    assert math.isnan(ppv.low)
    assert npv.value == pytest.approx(0.9)


def test_scans_of_one_patient_that_are_alike_are_not_new_evidence(tmp_path):
    """30 patients with four scans each that are called alike: the interval holds all the same."""
    rng, se, sp, prevalence = np.random.default_rng(1), 0.85, 0.9, 0.1
    truth = se * prevalence / (se * prevalence + (1 - sp) * (1 - prevalence))
    held, apart = 0, 0
    for _ in range(1000):
        ill, well = rng.random(30) < se, rng.random(30) < sp
        owners = np.repeat(np.arange(30), 4)
        enough = [effective(np.repeat(one, 4), owners) for one in (ill, well)]
        assert all(29.9 < n < 32 for n in enough)
        ppv, _ = bayes(ill.mean(), well.mean(), *enough, prevalence, studies=240)
        naive, _ = bayes(ill.mean(), well.mean(), 120, 120, prevalence, studies=240)
        held += ppv.low <= truth <= ppv.high
        apart += naive.low <= truth <= naive.high
    assert held / 1000 > 0.92
    assert apart / 1000 < 0.8


def test_the_tables_of_a_run_with_several_scans_a_patient_take_the_effective_number(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=240, studies_a_patient=4))
    points = operating_points(run).filter(pl.col("status") == CHOSEN)
    values = predictive_values(points, stated=(0.02,))
    point = points.row(0, named=True)
    assert point["sensitivity_effective_n"] < point["sensitivity_n"]
    expected, _ = bayes(
        point["sensitivity"], point["specificity"], point["sensitivity_effective_n"],
        point["specificity_effective_n"], 0.02, studies=240,
    )  # fmt: skip
    row = values.filter(pl.col("prevalence") == 0.02).row(0, named=True)
    assert (row["ppv_low"], row["ppv_high"]) == (expected.low, expected.high)
