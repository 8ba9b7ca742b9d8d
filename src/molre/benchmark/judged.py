"""Verdicts of a benchmark: the contrasts of all groups adjusted together, as by `molre compare`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from molre.evaluation.comparison.compare import Comparison
from molre.evaluation.comparison.contrast import Contrast
from molre.evaluation.comparison.contrasts import needed_draws
from molre.evaluation.comparison.families import contrast_names, evidence_of, judged
from molre.evaluation.comparison.verdict import ArmFacts, Evidence
from molre.evaluation.statistics.bootstrap import DRAWS
from molre.output.benchmark.table import Versus
from molre.runs.run import Run

Group = tuple[str, str]  # backbone, placement


@dataclass(frozen=True)
class Judged:
    """What the contrasts of all groups say.

    Attributes:
        compared: arms of each group.
    """

    compared: dict[Group, Comparison]

    @cached_property
    def facts(self) -> dict[tuple[str, str], ArmFacts]:
        """Of each arm, by the name of its group and its own."""
        return {
            ("/".join(group), arm): known
            for group, comparison in self.compared.items()
            for (_, arm), known in comparison.result.facts.items()
        }

    @cached_property
    def contrasts(self) -> tuple[Contrast, ...]:
        """The families that ``molre compare`` adjusts, over all groups together."""
        contrasts = [
            replace(contrast, group="/".join(group))
            for group, comparison in self.compared.items()
            for contrast in comparison.result.contrasts
        ]
        return judged(contrasts, self.facts)

    @cached_property
    def evidence(self) -> Evidence:
        """What a verdict is given by."""
        return evidence_of(self.contrasts, self.facts)

    @cached_property
    def versus(self) -> dict[Group, tuple[Versus, ...]]:
        """The contrasts of each group."""
        return {
            group: tuple(_versus(c) for c in self.contrasts if c.group == "/".join(group))
            for group in self.compared
        }


def _versus(contrast: Contrast) -> Versus:
    m = contrast.macro
    return Versus(
        contrast.arm, contrast.control, m.value, m.low, m.high, m.p_adjusted, contrast.primary, m.p,
        contrast.detectable,
    )  # fmt: skip


def draws_for(groups: dict[Group, list[Run]]) -> int:
    """Resamples for all contrasts of the benchmark: those of a group are adjusted with the rest."""
    contrasts = sum(
        len(contrast_names(list(dict.fromkeys(run.arm for run in runs))))
        for runs in groups.values()
    )
    needed = (
        needed_draws(contrasts, runs[0].labels, runs[0].patients, runs[0].findings)
        for runs in groups.values()
    )
    return max(needed, default=DRAWS)
