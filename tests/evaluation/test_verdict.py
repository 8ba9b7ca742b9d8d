from __future__ import annotations

from molre.evaluation.verdict import CONTROLS, verdict

GAIN, LOSS, NOTHING, UNTESTED = (0.1, 0.001), (-0.1, 0.001), (0.01, 0.4), (0.1, float("nan"))


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
    assert said == "gain shown, but not told apart from an MLP of equal size: not evidence for routing"


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
