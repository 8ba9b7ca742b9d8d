from __future__ import annotations

import math

import numpy as np
import pytest

from molre.evaluation.comparison.contrasts import ArmScores, compare_arms, needed_draws
from tests.helpers.evaluation.references import pairwise_auc

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


def test_every_arm_meets_frozen_and_molre_meets_every_arm():
    names = ["frozen", "mlp_matched", "molre_random_router", "molre_shuffled", "molre", "lora"]
    result = compared(*(arm(name, 1.0, noise=i) for i, name in enumerate(names)))
    pairs = {(c.arm, c.control) for c in result.contrasts}
    assert pairs == {(name, "frozen") for name in names[1:]} | {
        ("molre", "mlp_matched"),
        ("molre", "molre_random_router"),
        ("molre", "molre_shuffled"),
        ("molre", "lora"),
    }
    assert [c.primary for c in result.contrasts] == [True] * 5 + [False] * 4


def test_a_real_gain_is_shown_and_none_where_there_is_none():
    arms = [arm("frozen", 0.5, 3), arm("molre", 2.0, 3, noise=1), arm("lora", 0.5, 3, noise=2)]
    gain, above, none = compared(*arms).contrasts
    assert gain.macro.low > 0
    assert gain.verdict.startswith("gain shown")
    assert above.verdict == "above lora"
    assert none.verdict.startswith("no difference shown, which is not equality")


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


def test_a_finding_that_is_repeated_changes_no_macro_number():
    wide = [0, 1, 2, 0, 0]
    arms = [arm("frozen", 0.8, 3), arm("molre", 1.2, 3, noise=1)]
    plain = compared(*arms)
    repeated = compare_arms(
        [ArmScores(a.name, a.group, a.seeds, a.scores[:, :, wide]) for a in arms],
        LABELS[:, wide], STRANGERS, list("abcde"), draws=DRAWS,
    )  # fmt: skip
    assert repeated.size == "2 distinct of 4 findings"
    for ours, theirs in zip(plain.arms, repeated.arms, strict=True):
        assert theirs.macro.value == pytest.approx(ours.macro.value)
        assert theirs.macro.low == pytest.approx(ours.macro.low, abs=1e-6)
    one, other = plain.contrasts[0].macro, repeated.contrasts[0].macro
    assert (other.value, other.low, other.p) == pytest.approx((one.value, one.low, one.p))


def test_seeds_that_differ_widen_the_interval_from_three_on():
    """The same scores but for an arm whose seeds were moved apart, their mean kept."""
    rng = np.random.default_rng(3)
    frozen = arm("frozen", 1.0, 3)
    for seeds, wider in ((2, False), (3, True)):
        alike, apart = [
            ArmScores(
                "molre", "g", tuple(range(seeds)),
                np.stack([
                    (1.1 + step * (i - (seeds - 1) / 2)) * LABELS + rng.normal(size=(N, K))
                    for i in range(seeds)
                ]),
            )
            for step in (0.0, 1.2)
        ]  # fmt: skip
        widths = []
        for one in (alike, apart):
            contrast = compared(frozen, one).contrasts[0]
            assert contrast.over_seeds == wider
            assert ("seeds by Welch" in contrast.macro.method) == wider
            widths.append(contrast.macro.high - contrast.macro.low)
        assert (widths[1] > 2 * widths[0]) == wider


def test_two_trainings_of_one_arm_are_not_told_apart_more_often_than_said():
    """Arms of one skill whose seeds differ: unadjusted p below .05, of macro and of a finding."""
    rng = np.random.default_rng(4)
    labels = np.concatenate([np.ones((40, 1)), np.zeros((60, 1))])
    found = {3: 0, 2: 0}
    for _ in range(60):
        for seeds in found:
            arms = []
            for name in ("frozen", "molre"):
                skill = 1.0 + 0.5 * rng.normal(size=(seeds, 1, 1))
                noise = rng.normal(size=(1, 100, 1)) + 0.3 * rng.normal(size=(seeds, 100, 1))
                arms.append(ArmScores(name, "g", tuple(range(seeds)), skill * labels + noise))
            result = compare_arms(arms, labels, STRANGERS, ["a"], draws=100)
            contrast = result.contrasts[0]
            found[seeds] += contrast.macro.p < 0.05 and contrast.findings[0].p < 0.05
            assert contrast.over_seeds == (seeds == 3)
    assert found[3] <= 6
    assert found[2] > found[3]


def test_enough_draws_are_made_for_the_number_of_contrasts():
    arms = [arm(name, 1.0, 1, noise=i) for i, name in enumerate(["frozen", "molre", *"abcd"])]
    result = compare_arms(arms, LABELS, STRANGERS, ["a", "b", "c"])
    assert len(result.contrasts) == 9
    assert result.draws == 3600
    assert result.smallest_p == pytest.approx(2 / 3601)
    pairs = tuple(f"p{i // 2}" for i in range(N))  # findings are then tested by the draws as well
    assert needed_draws(1, np.tile(LABELS, 20), pairs, [f"f{i}" for i in range(60)]) == 16_000
