from __future__ import annotations

import math

import numpy as np
import pytest
from references import pairwise_auc

from molre.evaluation.comparison import ArmScores, compare_arms

N, K, DRAWS = 100, 3, 400
LABELS = (np.random.default_rng(0).random((N, K)) < [0.4, 0.3, 0.04]).astype(float)
STRANGERS = tuple(f"p{i:03d}" for i in range(N))


def arm(name: str, skill: float, seeds: int = 2, noise: int = 0, group: str = "g") -> ArmScores:
    """Scores share most of their noise, as those of arms on one backbone do."""
    common = np.random.default_rng(1).normal(size=(N, K))
    own = np.random.default_rng(noise).normal(size=(seeds, N, K))
    return ArmScores(name, group, tuple(range(seeds)), skill * LABELS + common + 0.3 * own)


def compared(*arms: ArmScores, patients=STRANGERS, seed: int = 0):
    return compare_arms(arms, LABELS, patients, ["a", "b", "c"], draws=DRAWS, seed=seed)


def test_auc_is_averaged_over_seeds_and_findings_of_the_endpoint():
    frozen = arm("frozen", 1.0)
    result = compared(frozen, arm("molre", 1.5, noise=1))
    each = [
        np.mean([pairwise_auc(one[:, k], LABELS[:, k]) for k in (0, 1)]) for one in frozen.scores
    ]
    assert result.endpoint == ("a", "b")
    assert result.arms[0].seed_macros == pytest.approx(each)
    assert result.arms[0].macro.value == pytest.approx(np.mean(each))
    assert result.arms[0].spread == pytest.approx(max(each) - min(each))
    assert result.arms[0].aucs[2] is None


def test_every_arm_meets_frozen_and_molre_meets_each_control():
    names = ["frozen", "mlp_matched", "molre_random_router", "molre_shuffled", "molre", "lora"]
    result = compared(*(arm(name, 1.0, noise=i) for i, name in enumerate(names)))
    pairs = {(c.arm, c.control) for c in result.contrasts}
    assert pairs == {(name, "frozen") for name in names[1:]} | {
        ("molre", "mlp_matched"),
        ("molre", "molre_random_router"),
        ("molre", "molre_shuffled"),
    }
    assert result.contrasts[0].arm == "molre"


def test_a_real_gain_is_shown_and_none_where_there_is_none():
    result = compared(arm("frozen", 0.5), arm("molre", 2.0, noise=1), arm("lora", 0.5, noise=2))
    gain, none = result.contrasts
    assert gain.macro.low > 0
    assert gain.verdict.startswith("gain shown")
    assert none.verdict == "no difference shown"


def test_the_difference_is_paired():
    """The shared noise cancels: the difference is far surer than either AUC."""
    result = compared(arm("frozen", 1.0), arm("molre", 1.2, noise=1))
    difference = result.contrasts[0].macro
    level = result.arms[0].macro
    assert difference.high - difference.low < 0.6 * (level.high - level.low)


def test_an_arm_against_itself_differs_by_nothing():
    same = arm("frozen", 1.0)
    result = compared(same, ArmScores("molre", "g", same.seeds, same.scores))
    contrast = result.contrasts[0]
    assert (contrast.macro.value, contrast.macro.p) == (0.0, 1.0)
    assert [finding.p for finding in contrast.findings] == [1.0, 1.0]


def test_p_values_are_adjusted_never_down():
    result = compared(arm("frozen", 0.8), *(arm(n, 1.0, noise=i) for i, n in enumerate("xyz")))
    for contrast in result.contrasts:
        assert contrast.macro.p_adjusted >= contrast.macro.p
        assert all(f.p_adjusted >= f.p for f in contrast.findings)
    smallest = min(result.contrasts, key=lambda c: c.macro.p)
    assert smallest.macro.p_adjusted == pytest.approx(min(1, 3 * smallest.macro.p))


def test_findings_are_tested_by_delong_or_by_patients():
    arms = arm("frozen", 1.0), arm("molre", 1.3, noise=1)
    pairs = tuple(f"p{i // 2:03d}" for i in range(N))
    assert {f.method for f in compared(*arms).contrasts[0].findings} == {"paired DeLong"}
    clustered = compared(*arms, patients=pairs).contrasts[0]
    assert {f.method for f in clustered.findings} == {"patient bootstrap"}
    assert clustered.macro.n == N // 2


def test_delong_and_the_bootstrap_agree_where_both_hold():
    result = compared(arm("frozen", 1.0), arm("molre", 1.3, noise=1))
    delong = result.contrasts[0].findings[0]
    clusters = (*STRANGERS[:-1], STRANGERS[0])  # one patient twice
    bootstrap = compared(arm("frozen", 1.0), arm("molre", 1.3, noise=1), patients=clusters)
    assert bootstrap.contrasts[0].findings[0].low == pytest.approx(delong.low, abs=0.02)


def test_groups_are_not_mixed():
    result = compared(
        arm("frozen", 1.0), arm("molre", 1.2, noise=1),
        arm("frozen", 1.0, group="h"), arm("molre", 1.2, noise=1, group="h"),
    )  # fmt: skip
    assert [(c.group, c.arm, c.control) for c in result.contrasts] == [
        ("g", "molre", "frozen"),
        ("h", "molre", "frozen"),
    ]


def test_an_empty_endpoint_tests_nothing():
    labels = np.zeros((N, K))
    arms = [arm("frozen", 1.0), arm("molre", 1.2)]
    result = compare_arms(arms, labels, STRANGERS, ["a", "b", "c"], draws=DRAWS)
    assert math.isnan(result.arms[0].macro.value)
    assert math.isnan(result.contrasts[0].macro.p_adjusted)
    assert result.contrasts[0].verdict.startswith("not estimable")
