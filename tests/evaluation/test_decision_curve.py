from __future__ import annotations

import numpy as np
import pytest

from molre.evaluation.decision_curve import THRESHOLDS, decision_curve, net_benefit
from molre.runs.run import read_run
from tests.helpers.evaluation.runs import FINDINGS, write_run

RNG = np.random.default_rng(0)
LABELS = (RNG.random(300) < 0.3).astype(float)
P = np.clip(0.3 * LABELS + 0.6 * RNG.random(300), 0, 1)
STRANGERS = [f"p{i:03d}" for i in range(300)]


def test_net_benefit_is_counted_by_its_definition():
    curve = net_benefit(P, LABELS, STRANGERS)
    for row in curve.iter_rows(named=True):
        t = row["threshold"]
        hits = sum(1 for p, y in zip(P, LABELS, strict=True) if p >= t and y == 1)
        false = sum(1 for p, y in zip(P, LABELS, strict=True) if p >= t and y == 0)
        assert (row["true_positives"], row["false_positives"]) == (hits, false)
        assert row["net_benefit"] == pytest.approx(hits / 300 - false / 300 * t / (1 - t))
        assert row["net_benefit_low"] <= row["net_benefit"] <= row["net_benefit_high"]
    everyone = net_benefit(np.ones(300), LABELS, STRANGERS)
    np.testing.assert_allclose(everyone["net_benefit"], curve["treat_all"])


def test_a_perfect_model_gains_the_prevalence_and_a_silent_one_nothing():
    np.testing.assert_allclose(net_benefit(LABELS, LABELS, STRANGERS)["net_benefit"], LABELS.mean())
    assert (net_benefit(np.zeros(300), LABELS, STRANGERS)["net_benefit"] == 0).all()


def test_scans_of_one_patient_widen_the_band():
    alone = net_benefit(P, LABELS, STRANGERS)
    thrice = [np.repeat(part, 3) for part in (P, LABELS, STRANGERS)]
    together = net_benefit(*thrice)
    width = alone["net_benefit_high"] - alone["net_benefit_low"]
    clustered = together["net_benefit_high"] - together["net_benefit_low"]
    np.testing.assert_allclose(clustered, width, atol=1e-12)  # copies add nothing


def test_the_table_has_the_endpoint_and_says_what_is_calibrated(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=80))
    table = decision_curve(run, [0, 2])
    assert table["finding"].unique(maintain_order=True).to_list() == [FINDINGS[0], FINDINGS[2]]
    assert len(table) == 2 * len(THRESHOLDS)
    assert table["calibrated"].all()
    assert table["n"][0] == (~np.isnan(run.labels[:, 0])).sum()
