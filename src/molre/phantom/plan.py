"""Which findings a study gets, and what its labels then are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from molre.errors import MolreError, did_you_mean
from molre.labels.findings import findings
from molre.phantom.generators import GENERATORS

PREVALENCE = 0.08


@dataclass(frozen=True)
class Recipe:
    """What a set of phantoms is made from; equal recipes make equal studies.

    Attributes:
        seed: names the whole set.
        severity: scales extent and contrast of every finding; 1 is the designed difficulty.
        level_dependent: plant looks whose meaning depends on the level (see `levels`).
        findings: ids that may be planted; None means all that have a generator.
        prevalence: chance of each finding in a study, before those that exclude one another.
        max_slices: at most so many slices a study; None for what the thickness gives.
    """

    seed: int = 0
    severity: float = 1.0
    level_dependent: bool = False
    findings: tuple[str, ...] | None = None
    prevalence: float = PREVALENCE
    max_slices: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be planted.

        Raises:
            MolreError: for an unknown finding, or a number out of range.
        """
        for finding in self.findings or ():
            if finding not in GENERATORS:
                raise MolreError(
                    f"no phantom generator for finding {finding!r}",
                    where="--findings",
                    fix=did_you_mean(finding, sorted(GENERATORS)),
                )
        if not 0 <= self.prevalence <= 1:
            raise MolreError(
                f"prevalence {self.prevalence} is not between 0 and 1",
                where="--prevalence",
                fix="give a share such as 0.1",
            )
        if not 0 < self.severity <= 3:
            raise MolreError(
                f"severity {self.severity} is not above 0 and at most 3",
                where="--severity",
                fix="give a factor such as 1.0",
            )
        if self.max_slices is not None and self.max_slices < 8:
            raise MolreError(
                f"{self.max_slices} slices do not make a head",
                where="max_slices",
                fix="give 8 or more",
            )

    def rng(self, index: int, purpose: int) -> np.random.Generator:
        """The source of chance for one purpose in one study, independent of all others."""
        return np.random.default_rng([self.seed, index, purpose])


# purposes of `Recipe.rng`: the head and the scanner never see what the plan drew
HEAD, SCANNER, PLAN, NOISE, LESION = range(5)


def draw_plan(recipe: Recipe, index: int) -> tuple[str, ...]:
    """The findings planted in study ``index``, in the order in which they are painted."""
    rng = recipe.rng(index, PLAN)
    offered = [g for g in GENERATORS if recipe.findings is None or g in recipe.findings]
    wanted = [name for name in sorted(offered) if rng.random() < recipe.prevalence]
    rng.shuffle(wanted)
    planted: list[str] = []
    for name in wanted:
        if not any(excluded(name, other) for other in planted):
            planted.append(name)
    # bone last: a defect must not be painted over by what lies under it
    return tuple(sorted(planted, key=lambda f: (f.startswith("crani"), list(GENERATORS).index(f))))


def excluded(one: str, other: str) -> bool:
    """Whether two findings are never planted together."""
    return other in GENERATORS[one].excludes or one in GENERATORS[other].excludes


def label(planted: Iterable[str], missed: Sequence[str] = ()) -> dict[str, str]:
    """The row of labels.csv: "1", "0" or "" for every finding of the findings table.

    What follows from a planted finding is present with all its ancestors; what it makes doubtful
    is left empty, and so is a planned finding that no slice shows; the rest is absent.
    """
    table = findings()
    present: set[str] = set()
    doubtful: set[str] = set(missed)
    for finding in planted:
        for name in (finding, *GENERATORS[finding].also):
            present.update((name, *table.ancestors(name)))
        doubtful.update(GENERATORS[finding].unsure)
    for name in list(doubtful):
        doubtful.update(table.ancestors(name))
    return {f: "1" if f in present else "" if f in doubtful else "0" for f in table.ids}
