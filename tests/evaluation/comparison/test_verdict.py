"""What is said of a contrast, as a table: nothing is claimed that the tests do not show."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from molre.evaluation.comparison.verdict import (
    MARGIN,
    UNROUTED,
    ArmFacts,
    Evidence,
    Tested,
    row_verdict,
    verdict,
)


def result(value: float, half: float, p: float, adjusted: float | None = None) -> Tested:
    return Tested(value, value - half, value + half, p, adjusted or p, 5, 0.03, seeds=3)


GAIN, LOSS = result(0.1, 0.03, 0.001), result(-0.1, 0.03, 0.001)
NOTHING, UNTESTED = result(0.01, 0.03, 0.4), replace(GAIN, p_adjusted=math.nan)
EQUAL = result(0.0, 0.5 * MARGIN, 0.9)
NEARLY = result(0.02, 0.018, 0.047, 0.315)  # an interval without 0, no longer after Holm
LEADS = result(0.04, 0.05, 0.06)  # where molre may be well ahead, and is not shown to be
SLICE = {"mlp_matched": GAIN, "molre_random_router": GAIN, "molre_shuffled": GAIN}
BLOCKS = {
    "lora": GAIN, "lora_matched": GAIN, "lora_all": GAIN,
    "molre_random_router": GAIN, "molre_shuffled": GAIN,
}  # fmt: skip


def say(
    frozen: Tested = GAIN,
    against: dict[str, Tested] | None = None,
    gained: dict[str, Tested] | None = None,
    *,
    placement: str = "slice",
    entropy: float | None = 0.8,
    facts: dict[str, ArmFacts] | None = None,
) -> str:
    """Verdict of molre minus frozen, given molre minus the others and the others minus frozen."""
    tests = {("g", "molre", "frozen"): frozen}
    tests |= {("g", "molre", name): one for name, one in (against or {}).items()}
    tests |= {("g", name, "frozen"): one for name, one in (gained or {}).items()}
    known = {("g", "molre"): ArmFacts(placement, entropy, added=98_534)}
    known |= {("g", name): one for name, one in (facts or {}).items()}
    return verdict("g", "molre", "frozen", Evidence(tests, known))


BEST = "gain shown, and above every control: capacity alone does not explain it"
CASES = [
    # why, molre - others, others - frozen, placement, what is said (whole sentence)
    ("above all", SLICE, SLICE, "slice", BEST),
    ("above all", BLOCKS, BLOCKS, "blocks", BEST),
    ("one LoRA is above", BLOCKS | {"lora_all": LOSS}, BLOCKS, "blocks",
     "gain shown over frozen, but a LoRA on every attention projection is above it: capacity, not "
     "routing"),
    ("two LoRAs are above", BLOCKS | {"lora": LOSS, "lora_all": LOSS}, BLOCKS, "blocks",
     "gain shown over frozen, but a plain LoRA and a LoRA on every attention "
     "projection are above it: capacity, not routing"),
    ("the LoRAs were left out", {k: BLOCKS[k] for k in BLOCKS if k != "lora_all"}, BLOCKS, "blocks",
     "gain shown; a LoRA on every attention projection not run, so it may be capacity and not "
     "routing"),
    ("equal rank", BLOCKS | {"lora_matched": EQUAL}, BLOCKS, "blocks",
     "gain also reached by a LoRA of equal rank (75 % of the parameters), to within 0.01: "
     "capacity, not routing"),
    ("a control within the margin", SLICE | {"molre_shuffled": EQUAL}, SLICE, "slice",
     "gain also reached by the shuffled router, to within 0.01: capacity, not routing"),
    ("a third of the gain is not all of it", SLICE | {"mlp_matched": LEADS}, SLICE, "slice",
     "gain shown, but an MLP of equal size gains as well, and they are not told apart (+0.040, "
     "−0.010 to +0.090): not evidence for routing"),
    ("a control that is not shown to gain", SLICE | {"mlp_matched": LEADS}, {}, "slice",
     "gain shown, but not told apart from an MLP of equal size (+0.040, −0.010 to +0.090): not "
     "evidence for routing"),
    ("within the margin of molre, and no gain of its own", SLICE | {"mlp_matched": EQUAL},
     {"mlp_matched": NOTHING}, "slice",
     "gain shown, but not told apart from an MLP of equal size (+0.000, −0.005 to +0.005): not "
     "evidence for routing"),
    ("a control was not run", {"mlp_matched": GAIN}, SLICE, "slice",
     "gain shown; the random router and the shuffled router not run, so it may be capacity and "
     "not routing"),
    ("no control was run", {}, {}, "slice",
     "gain shown; an MLP of equal size, the random router and the shuffled router not run, so it "
     "may be capacity and not routing"),
    ("a control has two seeds", SLICE | {"molre_shuffled": replace(GAIN, seeds=2)}, SLICE, "slice",
     "gain shown over frozen; no routing verdict: the shuffled router has 2 seeds, at least 3 "
     "needed"),
    ("the ceiling is no control", SLICE | {"full": LOSS}, SLICE, "slice", BEST),
    ("an arm of one's own is one", SLICE | {"mine": LOSS}, SLICE, "slice",
     "gain shown over frozen, but mine is above it: capacity, not routing"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "against", "gained", "placement", "says"), CASES)
def test_what_a_gain_is_put_down_to(why, against, gained, placement, says):
    facts = {"lora_matched": ArmFacts("blocks", added=73_728)}
    assert say(GAIN, against, gained, placement=placement, facts=facts) == says, why


def test_where_no_difference_is_shown_it_says_how_much_that_means():
    assert say(NOTHING) == (
        "no difference shown, which is not equality: the interval reaches beyond the margin of "
        "0.01 (a difference of 0.030 would be found 8 times in 10)"
    )
    assert say(EQUAL) == (
        "no difference shown, and equal within the margin of 0.01 (a difference of 0.030 would be "
        "found 8 times in 10)"
    )
    assert say(NEARLY).endswith(
        "; the interval leaves out 0, but p is 0.047 alone and 0.315 after Holm over 5 contrasts"
    )


def test_the_other_ways_it_can_go():
    assert say(LOSS) == "loss shown: below frozen"
    assert say(UNTESTED).startswith("not estimable: no finding has ten positive and ten negative")


@pytest.mark.parametrize(("seeds", "words"), [(1, "1 seed,"), (2, "2 seeds,")])
def test_below_three_seeds_these_trained_models_differ_and_no_more(seeds, words):
    few = replace(GAIN, seeds=seeds)
    assert say(few, dict.fromkeys(SLICE, few), SLICE) == (
        "these trained models differ: molre is above frozen; no routing verdict: "
        f"{words} at least 3 needed"
    )
    assert say(replace(LOSS, seeds=seeds)).startswith(
        "these trained models differ: molre is below frozen; no routing verdict"
    )
    assert say(replace(NOTHING, seeds=seeds)).startswith(
        "no difference shown between these trained models"
    )
    tests = {("g", "lora", "frozen"): few}
    assert verdict("g", "lora", "frozen", Evidence(tests)) == (
        "these trained models differ: lora is above frozen; no verdict on the arms: "
        f"{words} at least 3 needed"
    )


ENTROPIES = [(0.98, False), (0.981, True), (1.0, True), (0.0, False), (None, False)]


@pytest.mark.parametrize(("entropy", "even"), ENTROPIES)
@pytest.mark.parametrize("frozen", [GAIN, LOSS, NOTHING])
def test_even_gates_did_not_route_whatever_the_difference(entropy, even, frozen):
    said = say(frozen, SLICE, SLICE, entropy=entropy)
    assert ("molre did not route" in said) == even
    assert ("in effect the frozen head in other parameters" in said) == even
    assert not (even and "above every control" in said)


def test_even_gates_at_blocks_are_a_lora_of_equal_rank():
    said = say(GAIN, BLOCKS, BLOCKS, placement="blocks", entropy=0.998)
    assert said == (
        "gain shown over frozen, not evidence for routing; molre did not route: its gate entropy "
        "is 0.998 of the maximum, so that here it is in effect a LoRA of equal rank"
    )


def test_where_the_gates_were_not_recorded_nothing_is_claimed_of_them():
    assert say(GAIN, SLICE, SLICE, entropy=None).endswith("whether molre routed is not recorded")


def test_contrasts_with_other_arms():
    tests = {
        ("g", "molre", "lora"): GAIN, ("g", "molre", "lora_all"): LOSS,
        ("g", "mlp_matched", "frozen"): GAIN,
    }  # fmt: skip
    evidence = Evidence(tests)
    assert verdict("g", "molre", "lora", evidence) == "above lora"
    assert verdict("g", "molre", "lora_all", evidence) == "loss shown: below lora_all"
    assert verdict("g", "mlp_matched", "frozen", evidence) == "gain shown over frozen"


SHORT, EDGE = ArmFacts(converged=False), ArmFacts(at_edge=True)
LIMITS = [
    # arm, facts, what the row says at its end
    ("frozen", {"frozen": SHORT}, "the backbone as it is; the budget ended before it converged"),
    ("frozen", {"frozen": EDGE},
     "the backbone as it is; the learning rate of frozen is at the edge of the grid"),
    ("molre", {"molre": SHORT, "frozen": SHORT}, "; the budget ended before it converged"),
    ("molre", {"molre_shuffled": SHORT}, "; the budget ended before molre_shuffled converged"),
    ("molre", {"frozen": EDGE, "mlp_matched": EDGE},
     "; the learning rates of frozen and mlp_matched are at the edge of the grid"),
    ("molre", {"frozen": SHORT, "molre": EDGE},
     "; the budget ended before frozen converged; the learning rate of molre is at the edge of the "
     "grid"),
    ("mlp_matched", {"molre_shuffled": EDGE}, "gain shown over frozen"),
    ("mlp_matched", {"frozen": EDGE},
     "gain shown over frozen; the learning rate of frozen is at the edge of the grid"),
]  # fmt: skip


@pytest.mark.parametrize(("arm", "facts", "says"), LIMITS)
def test_a_row_names_the_arms_whose_training_limits_it(arm, facts, says):
    tests = {("g", "molre", "frozen"): GAIN, ("g", "mlp_matched", "frozen"): GAIN}
    tests |= {("g", "molre", name): GAIN for name in SLICE}
    known = {("g", name): one for name, one in facts.items()}
    assert row_verdict("g", arm, Evidence(tests, known)).endswith(says)


def test_a_row_without_frozen_has_nothing_to_be_compared_with():
    assert row_verdict("g", "lora", Evidence({})) == (
        "nothing to compare it with: frozen was not run"
    )


@pytest.mark.parametrize("experts", [2, 6, 48, 1000])
def test_even_is_the_same_distance_from_even_gates_for_any_number_of_experts(experts: int) -> None:
    """In nats: the same share of a larger maximum would be another distance."""
    limit = ArmFacts(experts=experts).even_above
    away = (1 - limit) * math.log(experts)
    assert away == pytest.approx((1 - UNROUTED) * math.log(6))
    assert ArmFacts(experts=experts, entropy=limit + 1e-6).unrouted
    assert not ArmFacts(experts=experts, entropy=limit - 1e-6).unrouted


def test_a_router_of_which_nothing_is_recorded_is_not_said_to_be_even() -> None:
    assert not ArmFacts(experts=48).unrouted
