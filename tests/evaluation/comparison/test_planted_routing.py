"""What a routing control says of a world: what was planted, and what the contrasts show."""

from __future__ import annotations

import pytest

from molre.evaluation.comparison.planted_routing import WorldFound


@pytest.mark.parametrize(
    ("planted", "not_above", "stronger", "says", "expected"),
    [
        (True, (), (), "planted, and found", True),
        (True, (), ("mlp_matched",), "not shown to be above mlp_matched", True),
        (True, ("frozen",), (), "NOT found: molre is not shown to be above frozen", False),
        (False, ("frozen",), (), "no routing was planted and none was found", True),
        (False, (), (), "no routing was planted, yet molre gains", True),
    ],
)  # fmt: skip
def test_what_was_planted_and_found_is_said(
    planted: bool, not_above: tuple[str, ...], stronger: tuple[str, ...], says: str, expected: bool
) -> None:
    world = WorldFound("conflict 1", planted, not_above, stronger)
    assert says in world.sentence
    assert world.as_expected == expected
