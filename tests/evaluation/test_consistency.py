"""Drift between two reconstructions, against numbers made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from molre.evaluation.consistency import FEWEST, MEAN, Pairs, consistency_table, contrast_of, worst


def pairs(n: int = 40, contrast: str = "kernel", patients: int | None = None) -> Pairs:
    rng = np.random.default_rng(1)
    first = rng.random((n, 2))
    second = np.clip(first + rng.normal(0.02, 0.1, first.shape), 0, 1)
    owners = tuple(f"p{i % (patients or n)}" for i in range(n))
    studies = tuple(f"s{i}" for i in range(n))
    limits = np.array([0.5, np.nan])
    return Pairs(("a", "b"), owners, studies, first, second, (contrast,) * n, limits)


def test_each_number_is_what_a_slow_loop_gives():
    some = pairs()
    row = consistency_table(some, draws=200).row(0, named=True)
    gaps = [b - a for a, b in zip(some.first[:, 0], some.second[:, 0], strict=True)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1)) ** 0.5
    flips = sum(
        (a >= 0.5) != (b >= 0.5) for a, b in zip(some.first[:, 0], some.second[:, 0], strict=True)
    )
    assert row["drift"] == pytest.approx(sum(map(abs, gaps)) / len(gaps))
    assert row["bias"] == pytest.approx(mean)
    assert row["agree_low"] == pytest.approx(mean - 1.96 * spread)
    assert row["agree_high"] == pytest.approx(mean + 1.96 * spread)
    assert row["flips"] == flips
    assert row["flip_share"] == pytest.approx(flips / len(gaps))
    assert row["drift_low"] < row["drift"] < row["drift_high"]


def test_the_bootstrap_draws_patients_not_pairs():
    """The same pairs of few patients say less: the interval is wider."""
    one_each = consistency_table(pairs(200), draws=500).row(0, named=True)
    shared = consistency_table(pairs(200, patients=12), draws=500).row(0, named=True)
    assert shared["patients"] == 12
    assert shared["drift"] == one_each["drift"]
    few = shared["drift_high"] - shared["drift_low"]
    many = one_each["drift_high"] - one_each["drift_low"]
    assert few != many


def test_pairs_of_few_patients_are_counted_and_no_more():
    table = consistency_table(pairs(200, patients=FEWEST - 1), draws=50)
    assert set(table["pairs"]) == {200}
    assert table["drift"].is_null().all()
    assert table["drift_low"].is_null().all()


def test_a_finding_without_a_threshold_has_drift_and_no_flips():
    table = consistency_table(pairs(), draws=50)
    without, together = table.row(1, named=True), table.row(2, named=True)
    assert without["drift"] is not None
    assert without["flips"] is None
    assert together["finding"] == MEAN
    assert together["flip_share"] == table.row(0, named=True)["flip_share"]


def test_few_pairs_are_counted_and_no_more():
    table = consistency_table(pairs(FEWEST - 1), draws=50)
    assert table["drift"].null_count() == 3
    assert table["pairs"].to_list() == [FEWEST - 1] * 3


def test_equal_reconstructions_do_not_drift():
    same = pairs()
    same = Pairs(
        same.findings, same.patients, same.studies, same.first, same.first, same.contrast,
        same.thresholds,
    )  # fmt: skip
    row = consistency_table(same, draws=50).row(0, named=True)
    assert (row["drift"], row["drift_low"], row["drift_high"], row["flips"]) == (0, 0, 0, 0)


def test_contrasts_are_kept_apart_and_named():
    thin = {"kernel": "A", "slice_thickness": 1.0}
    assert contrast_of(thin, {"kernel": "B", "slice_thickness": 1.0}) == "kernel"
    assert contrast_of(thin, {"kernel": "A", "slice_thickness": 5.0}) == "thickness"
    assert contrast_of(thin, {"kernel": "B", "slice_thickness": 5.0}) == "kernel and thickness"
    a, b = pairs(20), pairs(30, "thickness")
    both = Pairs(
        a.findings, a.patients + b.patients, a.studies + b.studies,
        np.concatenate([a.first, b.first]), np.concatenate([a.second, b.second]),
        a.contrast + b.contrast, a.thresholds,
    )  # fmt: skip
    table = consistency_table(both, draws=50)
    assert table["pairs"].to_list() == [20] * 3 + [30] * 3
    assert table.row(0) == consistency_table(a, draws=50).row(0)


def test_the_worst_pairs_come_first():
    some = pairs()
    shown = worst(some, 5)
    gaps = [abs(b - a) for *_, a, b in shown]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] == np.abs(some.second - some.first).max()
