"""What a contrast shows, in a plain sentence that claims no more than the test does."""

from __future__ import annotations

import math
from collections.abc import Mapping

METHOD = "molre"
FROZEN = "frozen"
CAPACITY = ("mlp_matched", "lora_matched")  # the first at placement slice, the second at blocks
CONTROLS = (*CAPACITY, "molre_random_router", "molre_shuffled")
ALPHA = 0.05

# (group, arm, control) -> difference of macro AUC, Holm-adjusted p
Tested = Mapping[tuple[str, str, str], tuple[float, float]]


def verdict(group: str, arm: str, control: str, tested: Tested) -> str:
    """The sentence for ``arm`` minus ``control``.

    A gain of molre over the frozen backbone is put down to routing only where molre is also above
    every control; where a control gains as well, or was not run, the sentence says that.

    Args:
        group: of both.
        arm: what is tested.
        control: what it is tested against.
        tested: all primary contrasts.
    """
    shown = _shown(tested.get((group, arm, control)))
    if shown is None:
        return "not estimable: no finding has ten positives and ten negatives in test"
    if shown == 0:
        return "no difference shown"
    if shown < 0:
        return f"loss shown: below {control}"
    if control != FROZEN:
        return f"above {control}"
    if arm != METHOD:
        return "gain shown over frozen"
    return _method_gain(group, tested)


def _method_gain(group: str, tested: Tested) -> str:
    run = [name for name in CONTROLS if (group, METHOD, name) in tested]
    ahead = [name for name in run if (_shown(tested[group, METHOD, name]) or 0) > 0]
    level = [name for name in run if name not in ahead]
    gained = [name for name in level if (_shown(tested.get((group, name, FROZEN))) or 0) > 0]
    if gained:
        return f"gain also reached by {_names(gained)}: capacity, not routing"
    if level:
        return f"gain shown, but not told apart from {_names(level)}: not evidence for routing"
    missing = [name for name in CONTROLS if name not in run and name not in CAPACITY]
    if not set(run) & set(CAPACITY):
        missing.insert(0, "an arm of equal parameters")
    if missing:
        return f"gain shown; {_names(missing)} not run, so it may be capacity and not routing"
    return "gain shown, and above every control: capacity alone does not explain it"


def _shown(result: tuple[float, float] | None) -> int | None:
    """1 gain, -1 loss, 0 no difference shown, None not tested."""
    if result is None or math.isnan(result[1]):
        return None
    difference, p = result
    if p >= ALPHA:
        return 0
    return 1 if difference > 0 else -1


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
