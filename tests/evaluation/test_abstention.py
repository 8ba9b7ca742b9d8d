from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.evaluation.abstention import FAMILIARITY, MARGIN, SHARES, Trust, abstention, aurc
from molre.runs.run import read_run
from tests.helpers.evaluation.runs import write_run

steps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20)


@given(steps)
def test_aurc_is_the_mean_of_the_risks_among_those_kept(counts):
    wrong = np.array([min(a, b) for a, b in counts], dtype=float)
    made = np.array([b for _, b in counts], dtype=float)
    if not made.any():
        return
    risks = []
    for kept in range(1, len(made) + 1):
        if made[:kept].sum():
            risks.append(wrong[:kept].sum() / made[:kept].sum())
    assert aurc(Trust(wrong, made, np.arange(len(made)))) == pytest.approx(np.mean(risks))


@given(steps, st.integers(0, 100))
def test_weights_stand_for_copies(counts, seed):
    weights = np.random.default_rng(seed).integers(0, 3, len(counts)).astype(float)
    wrong = np.array([min(a, b) for a, b in counts], dtype=float)
    made = np.array([b + 1 for _, b in counts], dtype=float)
    if not weights.any():
        return
    got = aurc(Trust(wrong, made, np.arange(len(made))), weights)
    ends = [(np.cumsum(weights * wrong)[i], np.cumsum(weights * made)[i]) for i in range(len(made))]
    risks = np.repeat([w / m if m else 0 for w, m in ends], weights.astype(int))
    assert got == pytest.approx(risks.mean())


def test_a_measure_that_knows_its_errors_gains_and_a_useless_one_does_not(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=200, skill=1.5))
    table = abstention(run, [0, 1, 2])
    margin = table.filter(pl.col("measure") == MARGIN)
    assert margin["gain_low"][0] > 0
    assert margin["aurc_best"][0] < margin["aurc"][0] < margin["aurc_random"][0]
    useless = table.filter(pl.col("measure") == FAMILIARITY)
    assert useless["gain_low"][0] < 0 < useless["gain_high"][0]
    assert useless["wrong"][0] == pytest.approx(useless["aurc_random"][0])


def test_the_curve_names_how_many_are_kept_and_ends_its_auc_at_half(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=200))
    known = abstention(run, [0, 1, 2]).filter(pl.col("measure") == FAMILIARITY)
    assert known["share_kept"].to_list() == list(SHARES)
    assert known["kept"].to_list() == [round(200 * share) for share in SHARES]
    assert known["auc"].is_not_null().to_list() == [share >= 0.5 for share in SHARES]
    assert known["auc_findings"].unique().to_list() == [3]
    assert known["calls"][0] == (~np.isnan(run.labels[:, :3])).sum()


def test_an_older_run_without_distances_still_has_its_margin(tmp_path):
    run = read_run(write_run(tmp_path / "run", familiarity=False))
    assert abstention(run, [0, 1, 2])["measure"].unique().to_list() == [MARGIN]
