"""One rule of adjustment for comparisons and benchmarks, and draws enough for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from molre.evaluation.comparison.contrast import Contrast, Difference
from molre.evaluation.comparison.families import (
    contrast_names,
    draws_for,
    judged,
    smallest_p,
)
from molre.evaluation.comparison.verdict import ALPHA
from molre.evaluation.statistics.multiplicity import holm

BLOCKS = ["frozen", "lora", "lora_matched", "lora_all", "molre_shuffled", "molre"]


def contrast(arm: str, control: str, p: float, group: str = "g") -> Contrast:
    macro = Difference("macro", 0.1, 0.05, 0.15, p, p, "patient bootstrap", 100, 0.02**2)
    return Contrast(arm, control, group, macro, (), 3, True, arm == "molre")


def test_molre_meets_every_other_arm_and_those_meet_frozen():
    assert contrast_names(BLOCKS) == [
        *(("molre", other) for other in BLOCKS[:-1]),
        *((other, "frozen") for other in BLOCKS[1:-1]),
    ]
    assert contrast_names(["molre"]) == contrast_names(["lora", "mine"]) == []
    assert contrast_names(["molre", "mine"]) == [("molre", "mine")]


def test_each_family_is_adjusted_by_itself():
    raw = [contrast("molre", "frozen", 0.01), contrast("molre", "lora", 0.02),
           contrast("molre", "full", np.nan), contrast("lora", "frozen", 0.03)]  # fmt: skip
    held = judged(raw, {})
    assert [c.macro.p_adjusted for c in held[:2]] == list(holm(np.array([0.01, 0.02])))
    assert held[3].macro.p_adjusted == 0.03
    assert [c.adjustment for c in held] == [
        *["Holm over 2 primary contrasts"] * 3,
        "Holm over 1 secondary contrast",
    ]


def test_what_is_added_to_one_family_does_not_move_the_other():
    """So a contrast has one adjusted p in a comparison and in a benchmark of the same family."""
    primary = [contrast("molre", control, 0.02) for control in ("frozen", "lora", "mlp_matched")]
    alone = judged(primary, {})
    others = [contrast(f"arm{i}", "frozen", 0.001 * i) for i in range(9)]
    among = judged([*others[:4], *primary, *others[4:]], {})
    assert [c.macro.p_adjusted for c in among if c.primary] == [c.macro.p_adjusted for c in alone]


@pytest.mark.parametrize("tests", [1, 5, 9, 40, 51, 56, 200])
def test_the_draws_let_the_clearest_of_so_many_contrasts_be_shown(tests):
    draws = draws_for(tests)
    assert draws >= max(2000, 400 * tests)
    clearest = [contrast("molre", f"c{i}", smallest_p(draws), str(i)) for i in range(tests)]
    adjusted = [c.macro.p_adjusted for c in judged(clearest, {})]
    assert max(adjusted) < ALPHA / 9
    assert all("no difference shown" not in c.verdict for c in judged(clearest, {}))


def test_the_difference_that_would_be_found_grows_with_the_family():
    one = judged([contrast("molre", "frozen", 0.3)], {})[0].detectable
    many = [contrast("molre", f"c{i}", 0.3) for i in range(20)]
    assert judged(many, {})[0].detectable > 1.2 * one
    assert one == pytest.approx(0.02 * (1.959964 + 0.841621), rel=1e-5)
    assert np.isnan(
        judged([replace(many[0], macro=replace(many[0].macro, p=np.nan))], {})[0].detectable
    )
