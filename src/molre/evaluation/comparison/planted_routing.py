"""What a routing control found: in which worlds the method is above its controls, in words."""

from __future__ import annotations

from dataclasses import dataclass

from molre.arms.arms import METHOD, role_of
from molre.evaluation.comparison.contrasts import ArmsCompared
from molre.evaluation.comparison.families import evidence_of
from molre.evaluation.comparison.verdict import listed


@dataclass(frozen=True)
class WorldFound:
    """One world: what was planted in it, and what was found.

    Attributes:
        group: its name in tables.
        planted: looks conflict between levels, so that routing must help.
        not_above: frozen and routing controls that MoLRE is not shown to be above.
        stronger: capacity controls that it is not shown to be above: they reach by their size what
            it reaches by routing, or more.
    """

    group: str
    planted: bool
    not_above: tuple[str, ...]
    stronger: tuple[str, ...]

    @property
    def found(self) -> bool:
        """MoLRE is shown to be above frozen and above every router that must not work."""
        return not self.not_above

    @property
    def as_expected(self) -> bool:
        """Where routing was planted it was found."""
        return self.found or not self.planted

    @property
    def sentence(self) -> str:
        """In words."""
        planted = "routing was planted" if self.planted else "no routing was planted"
        if not self.found:
            joined = "and NOT found" if self.planted else "and none was found"
            return f"{planted} {joined}: molre is not shown to be above {listed(self.not_above)}"
        joined = "and found" if self.planted else "yet molre gains"
        said = f"{planted}, {joined}: molre is above frozen and above its routing controls"
        if self.stronger:
            said += f", but not shown to be above {listed(self.stronger)}"
        return said


@dataclass(frozen=True)
class RoutingControl:
    """What was found.

    Attributes:
        conflicts: of the worlds, in their order.
        result: all worlds as groups of one comparison, so that Holm covers them together.
    """

    conflicts: tuple[float, ...]
    result: ArmsCompared

    @property
    def worlds(self) -> tuple[WorldFound, ...]:
        """Each, in order."""
        return tuple(self._world(conflict) for conflict in self.conflicts)

    @property
    def unfinished(self) -> list[str]:
        """Arms whose budget ended before tune stopped improving."""
        return [f"{a.name} ({a.group})" for a in self.result.arms if not a.facts.converged]

    def _world(self, conflict: float) -> WorldFound:
        tests = evidence_of(self.result.contrasts, self.result.facts).tests
        group = group_name(conflict)
        weak = [a for g, m, a in tests if (g, m) == (group, METHOD) and tests[g, m, a].shown != 1]
        capacity = tuple(name for name in weak if role_of(name) == "capacity control")
        rest = tuple(name for name in weak if name not in capacity)
        return WorldFound(group, conflict > 0, rest, capacity)


def group_name(conflict: float) -> str:
    """What a world is called in tables."""
    return f"conflict {conflict:g}"
