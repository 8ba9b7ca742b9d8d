from __future__ import annotations

import pytest

from molre.evaluation.verdict import CONTROLS, row_verdict, verdict

GAIN, LOSS, NOTHING, UNTESTED = (0.1, 0.001), (-0.1, 0.001), (0.01, 0.4), (0.1, float("nan"))
ALL_AHEAD = dict.fromkeys(CONTROLS, GAIN)


def say(frozen=GAIN, against=None, controls=None) -> str:
    """Verdict of molre minus frozen, given molre minus controls and controls minus frozen."""
    tested = {("g", "molre", "frozen"): frozen}
    tested |= {("g", "molre", name): value for name, value in (against or {}).items()}
    tested |= {("g", name, "frozen"): value for name, value in (controls or {}).items()}
    return verdict("g", "molre", "frozen", tested)


def test_a_gain_above_every_control_is_more_than_capacity():
    said = say(against=dict.fromkeys(CONTROLS, GAIN), controls=dict.fromkeys(CONTROLS, GAIN))
    assert said == "gain shown, and above every control: capacity alone does not explain it"


def test_a_gain_that_a_control_also_reaches_is_capacity():
    against = dict.fromkeys(CONTROLS, GAIN) | {"molre_shuffled": NOTHING}
    said = say(against=against, controls=dict.fromkeys(CONTROLS, GAIN))
    assert said == "gain also reached by the shuffled router: capacity, not routing"


def test_a_control_in_between_is_not_told_apart():
    against = dict.fromkeys(CONTROLS, GAIN) | {"mlp_matched": NOTHING}
    said = say(against=against, controls=dict.fromkeys(CONTROLS, NOTHING))
    assert (
        said == "gain shown, but not told apart from an MLP of equal size: not evidence for routing"
    )


def test_controls_that_were_not_run_are_named():
    assert say(against={"mlp_matched": GAIN}, controls={"mlp_matched": GAIN}) == (
        "gain shown; the random router and the shuffled router not run, so it may be capacity "
        "and not routing"
    )


def test_the_other_ways_it_can_go():
    assert say(frozen=NOTHING) == "no difference shown"
    assert say(frozen=LOSS) == "loss shown: below frozen"
    assert say(frozen=UNTESTED).startswith("not estimable")


def test_contrasts_with_controls():
    tested = {("g", "molre", "mlp_matched"): GAIN, ("g", "mlp_matched", "frozen"): GAIN}
    assert verdict("g", "molre", "mlp_matched", tested) == "above mlp_matched"
    assert verdict("g", "mlp_matched", "frozen", tested) == "gain shown over frozen"


ROWS = [
    # arm, molre - frozen, molre - controls, controls - frozen, not converged, what the row says
    ("frozen", GAIN, {}, {}, (), "the backbone as it is"),
    ("molre", NOTHING, {}, {}, (), "no difference shown"),
    ("molre", LOSS, {}, {}, (), "loss shown: below frozen"),
    ("molre", UNTESTED, {}, {}, (), "not estimable: no finding has ten positives"),
    ("molre", GAIN, ALL_AHEAD, {}, (), "gain shown, and above every control"),
    ("molre", GAIN, ALL_AHEAD | {"molre_shuffled": NOTHING}, {"molre_shuffled": GAIN}, (),
     "gain also reached by the shuffled router: capacity, not routing"),
    ("molre", GAIN, ALL_AHEAD | {"mlp_matched": LOSS}, {"mlp_matched": GAIN}, (),
     "gain also reached by an MLP of equal size: capacity, not routing"),
    ("mlp_matched", GAIN, {}, {"mlp_matched": GAIN}, (), "gain shown over frozen"),
    ("mlp_matched", GAIN, {}, {}, (), "nothing to compare it with: frozen was not run"),
    ("molre", NOTHING, {}, {}, ("molre", "frozen"),
     "no difference shown; the budget ended before it converged"),
    ("molre", GAIN, ALL_AHEAD, {}, ("molre_shuffled",),
     "does not explain it; the budget ended before molre_shuffled converged"),
    ("lora", GAIN, {}, {"lora": GAIN}, ("molre_shuffled",), "gain shown over frozen"),
]  # fmt: skip


@pytest.mark.parametrize(("arm", "frozen", "against", "controls", "short", "says"), ROWS)
def test_what_a_row_of_a_benchmark_says(arm, frozen, against, controls, short, says):
    tested = {("g", "molre", "frozen"): frozen}
    tested |= {("g", "molre", name): value for name, value in against.items()}
    tested |= {("g", name, "frozen"): value for name, value in controls.items()}
    said = row_verdict("g", arm, tested, short)
    assert says in said
    assert ("budget ended" in said) == ("budget ended" in says)
