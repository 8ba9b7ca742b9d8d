"""What a contrast shows, in a plain sentence that claims no more than the test does."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

METHOD = "molre"
FROZEN = "frozen"
CAPACITY = ("mlp_matched", "lora_matched")  # the first at placement slice, the second at blocks
CONTROLS = (*CAPACITY, "molre_random_router", "molre_shuffled")
ALPHA = 0.05
PLAIN = {  # what an arm is, in words
    "lora_matched": "a LoRA of equal rank",
    "mlp_matched": "an MLP of equal size",
    "molre_random_router": "the random router",
    "molre_shuffled": "the shuffled router",
}

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


def row_verdict(group: str, arm: str, tested: Tested, unconverged: Collection[str] = ()) -> str:
    """What an arm's row of a benchmark shows: its contrast with frozen, and what limits it.

    Args:
        group: backbone and placement.
        arm: of the row.
        tested: all contrasts, of the group and of others.
        unconverged: arms of the group whose training the budget ended before tune stopped
            improving; named where the verdict rests on them.
    """
    rests_on = [arm, FROZEN, *(CONTROLS if arm == METHOD else ())]
    if arm == FROZEN:
        said, rests_on = "the backbone as it is", [FROZEN]
    elif (group, arm, FROZEN) in tested:
        said = verdict(group, arm, FROZEN, tested)
    else:
        said, rests_on = "nothing to compare it with: frozen was not run", [arm]
    short = [name for name in dict.fromkeys(rests_on) if name in unconverged]
    if not short:
        return said
    whose = "it" if arm in short else ", ".join(short)
    return f"{said}; the budget ended before {whose} converged"


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
        missing.insert(0, "an arm of equal size")
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


def _names(arms: list[str]) -> str:
    names = [PLAIN.get(arm, arm) for arm in arms]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
