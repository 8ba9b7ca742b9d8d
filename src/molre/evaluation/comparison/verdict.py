"""What a contrast shows, in a plain sentence that claims no more than the test does.

All wording is here, for comparisons and benchmarks alike. A missing difference is never taken for
equality: that takes an interval inside the margin of equivalence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from molre.arms.arm import PLACEMENTS
from molre.arms.arms import ARMS, FROZEN, METHOD, rivals_at, role_of
from molre.evaluation.endpoint import EMPTY
from molre.evaluation.statistics.seeds import NEEDED

ALPHA = 0.05
MARGIN = 0.01  # of macro AUC: arms whose interval lies inside are taken as equal
UNROUTED = 0.98  # mean gate entropy over its maximum above which six gates are taken as even
_EFFECT = {  # what molre is where its gates are even
    "slice": ", so that here it is in effect the frozen head in other parameters",
    "blocks": ", so that here it is in effect a LoRA of equal rank",
}


@dataclass(frozen=True)
class Tested:
    """The test of one arm minus another.

    Attributes:
        value, low, high: difference of macro AUC with its 95 % interval.
        p: unadjusted; nan where no test is possible.
        p_adjusted: Holm's within its family.
        family: tests in it.
        detectable: true difference that would be found 8 times in 10, at Holm's first step.
        seeds: of the arm that has fewer.
    """

    value: float
    low: float
    high: float
    p: float
    p_adjusted: float
    family: int
    detectable: float
    seeds: int

    @property
    def shown(self) -> int | None:
        """1 gain, -1 loss, 0 no difference shown, None not tested."""
        if math.isnan(self.p_adjusted):
            return None
        if self.p_adjusted >= ALPHA:
            return 0
        return 1 if self.value > 0 else -1

    @property
    def equal(self) -> bool:
        """The whole interval lies inside the margin of equivalence."""
        return self.low > -MARGIN and self.high < MARGIN

    def text(self) -> str:
        """``+0.012, −0.004 to +0.028``."""
        return f"{_signed(self.value)}, {_signed(self.low)} to {_signed(self.high)}"


@dataclass(frozen=True)
class ArmFacts:
    """What the runs of an arm say of themselves, beside their scores.

    Attributes:
        placement: ``slice`` or ``blocks``; empty where it is not known.
        entropy: mean gate entropy over its maximum; None without a router, or not recorded.
        experts: gates of one slice; six where it is not known.
        converged: False where the budget ended before tune stopped improving.
        at_edge: the learning rate that did best is the first or last of the grid.
        added: parameters.
    """

    placement: str = ""
    entropy: float | None = None
    experts: int = 6
    converged: bool = True
    at_edge: bool = False
    added: int | None = None

    @property
    def even_above(self) -> float:
        """Gate entropy over its maximum above which the gates are taken as even.

        At the same distance from even gates, in nats, for any number of experts: the maximum grows
        with their number, so that the same share of it is another distance.
        """
        return 1 - (1 - UNROUTED) * math.log(6) / math.log(max(2, self.experts))

    @property
    def unrouted(self) -> bool:
        """Whether the router is known not to choose."""
        return self.entropy is not None and self.entropy > self.even_above


@dataclass(frozen=True)
class Evidence:
    """All tests by (group, arm, control), and what is known of each (group, arm)."""

    tests: Mapping[tuple[str, str, str], Tested]
    facts: Mapping[tuple[str, str], ArmFacts] = field(default_factory=dict)

    def of(self, group: str, arm: str) -> ArmFacts:
        """What is known of an arm."""
        return self.facts.get((group, arm), ArmFacts())

    def rivals(self, group: str) -> list[str]:
        """Arms that molre was tested against, but for frozen and the ceiling."""
        return [
            control
            for where, arm, control in self.tests
            if (where, arm) == (group, METHOD) and role_of(control) not in ("frozen", "ceiling")
        ]


def verdict(group: str, arm: str, control: str, evidence: Evidence) -> str:
    """The sentence for ``arm`` minus ``control``.

    A gain of molre over the frozen backbone is put down to routing only where molre is also above
    every control and every LoRA, each with three seeds, and its gates are not even; where a control
    gains as well, or was not run, the sentence says that.

    Args:
        group: of both.
        arm: what is tested.
        control: what it is tested against.
        evidence: all tests.
    """
    result = evidence.tests.get((group, arm, control))
    if result is None or result.shown is None:
        return f"not estimable: {EMPTY}"
    said = [_difference(group, arm, control, result, evidence)]
    if result.seeds < NEEDED and (arm == METHOD or result.shown):
        what = "no routing verdict" if arm == METHOD else "no verdict on the arms"
        said.append(f"{what}: {_seeds(result.seeds)}, at least {NEEDED} needed")
    if arm == METHOD and evidence.of(group, METHOD).unrouted:
        said.append(_even(evidence.of(group, METHOD)))
    rests_on = [arm, control]
    if (arm, control) == (METHOD, FROZEN):
        rests_on += evidence.rivals(group)
    return "; ".join([*said, *_limits(group, rests_on, evidence)])


def row_verdict(group: str, arm: str, evidence: Evidence) -> str:
    """What an arm's row of a benchmark shows: its contrast with frozen, and what limits it.

    Args:
        group: backbone and placement.
        arm: of the row.
        evidence: of the group and of others.
    """
    if (group, arm, FROZEN) in evidence.tests:
        return verdict(group, arm, FROZEN, evidence)
    said = "nothing to compare it with: frozen was not run"
    if arm == FROZEN:
        said = ARMS[FROZEN].plain
    return "; ".join([said, *_limits(group, [arm], evidence)])


def _difference(group: str, arm: str, control: str, result: Tested, evidence: Evidence) -> str:
    if result.shown == 0:
        return _nothing_shown(result)
    gain = result.shown == 1
    if result.seeds < NEEDED:
        return f"these trained models differ: {arm} is {'above' if gain else 'below'} {control}"
    if not gain:
        return f"loss shown: below {control}"
    if control != FROZEN:
        return f"above {control}"
    if arm != METHOD:
        return "gain shown over frozen"
    return _method_gain(group, evidence)


def _nothing_shown(result: Tested) -> str:
    """No difference shown, and how much that says."""
    few = " between these trained models" if result.seeds < NEEDED else ""
    if result.equal:
        said = f"no difference shown{few}, and equal within the margin of {MARGIN:g}"
    else:
        said = (
            f"no difference shown{few}, which is not equality: the interval reaches beyond the "
            f"margin of {MARGIN:g}"
        )
    if not math.isnan(result.detectable):
        said += f" (a difference of {result.detectable:.3f} would be found 8 times in 10)"
    if result.low > 0 or result.high < 0:
        said += (
            f"; the interval leaves out 0, but p is {_p(result.p)} alone and "
            f"{_p(result.p_adjusted)} after Holm over {result.family} contrasts"
        )
    return said


def _method_gain(group: str, evidence: Evidence) -> str:
    against = {name: evidence.tests[group, METHOD, name] for name in evidence.rivals(group)}
    if evidence.of(group, METHOD).unrouted:
        return "gain shown over frozen, not evidence for routing"
    if thin := [name for name, one in against.items() if one.seeds < NEEDED]:
        fewest = min(against[name].seeds for name in thin)
        return (
            f"gain shown over frozen; no routing verdict: {_names(group, thin, evidence)} "
            f"{_has(thin)} {_seeds(fewest)}, at least {NEEDED} needed"
        )
    gained = [name for name in against if _gained(group, name, evidence)]
    better = [name for name, one in against.items() if one.shown == -1]
    if better:
        is_ = "is" if len(better) == 1 else "are"
        names = _names(group, better, evidence)
        return f"gain shown over frozen, but {names} {is_} above it: capacity, not routing"
    reached = [name for name in gained if against[name].high < MARGIN]
    if reached:
        return (
            f"gain also reached by {_names(group, reached, evidence)}, to within {MARGIN:g}: "
            "capacity, not routing"
        )
    level = [name for name, one in against.items() if one.shown != 1]
    if level:
        return _not_told_apart(group, level, gained, evidence)
    return _above_all(group, list(against), evidence)


def _not_told_apart(
    group: str, level: Sequence[str], gained: Sequence[str], evidence: Evidence
) -> str:
    as_well = [name for name in level if name in gained]
    if as_well:
        names, verb = _names(group, as_well, evidence), "gains" if len(as_well) == 1 else "gain"
        said, named = (
            f"gain shown, but {names} {verb} as well, and they are not told apart",
            as_well,
        )
    else:
        named = list(level)
        said = f"gain shown, but not told apart from {_names(group, named, evidence)}"
    differences = "; ".join(evidence.tests[group, METHOD, name].text() for name in named)
    return f"{said} ({differences}): not evidence for routing"


def _above_all(group: str, run: Sequence[str], evidence: Evidence) -> str:
    facts = evidence.of(group, METHOD)
    missing = [name for name in _asked(facts.placement, run) if name not in run]
    if missing:
        return (
            f"gain shown; {_names(group, missing, evidence)} not run, so it may be capacity and "
            "not routing"
        )
    if facts.entropy is None:
        return "gain shown, and above every control, but whether molre routed is not recorded"
    return "gain shown, and above every control: capacity alone does not explain it"


def _asked(placement: str, run: Sequence[str]) -> tuple[str, ...]:
    """Arms that a claim for routing needs; of an unknown placement, those of the likelier one."""
    if placement not in PLACEMENTS:
        inside = any(name in ARMS and ARMS[name].slice is None for name in run)
        placement = "blocks" if inside else "slice"
    return rivals_at(placement)


def _gained(group: str, arm: str, evidence: Evidence) -> bool:
    result = evidence.tests.get((group, arm, FROZEN))
    return result is not None and result.shown == 1


def _even(facts: ArmFacts) -> str:
    assert facts.entropy is not None
    said = f"{METHOD} did not route: its gate entropy is {facts.entropy:.3f} of the maximum"
    return said + _EFFECT.get(facts.placement, "")


def _limits(group: str, arms: Sequence[str], evidence: Evidence) -> list[str]:
    """What training leaves open of the arms that a sentence rests on; its own comes first."""
    every = list(dict.fromkeys(arms))
    said = []
    if short := [name for name in every if not evidence.of(group, name).converged]:
        whose = "it" if every[0] in short else listed(short)
        said.append(f"the budget ended before {whose} converged")
    if edge := [name for name in every if evidence.of(group, name).at_edge]:
        rate = "learning rate" if len(edge) == 1 else "learning rates"
        is_ = "is" if len(edge) == 1 else "are"
        said.append(f"the {rate} of {listed(edge)} {is_} at the edge of the grid")
    return said


def _names(group: str, arms: Sequence[str], evidence: Evidence) -> str:
    own = evidence.of(group, METHOD).added
    return listed(
        [
            ARMS[arm].named(evidence.of(group, arm).added, own) if arm in ARMS else arm
            for arm in arms
        ]
    )


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: ``a, b and c``."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _seeds(count: int) -> str:
    return f"{count} seed{'s' * (count != 1)}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\u2212")


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
