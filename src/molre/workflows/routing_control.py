"""``molre control``: does the router find routing where it was planted, and none where it was not?

A positive control and its counterpart. The embeddings are synthetic and hold everything that is
needed (:mod:`molre.phantom.planted`); every arm of placement ``slice`` is trained as a run is, on
the same budget. Where looks conflict between levels, MoLRE must be above the frozen backbone and
above its routing controls, a router that was not trained and one that sees another slice. An MLP
of equal size may reach the same by its nonlinearity: that is reported, not required.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from molre.arms.arms import at_placement
from molre.errors import MolreError, RefusedScan
from molre.evaluation.comparison.arm_facts import joined
from molre.evaluation.comparison.compare import contrasts_table, findings_table
from molre.evaluation.comparison.contrasts import ArmsCompared, ArmScores, compare_arms
from molre.evaluation.comparison.planted_routing import RoutingControl, group_name
from molre.folders import claim
from molre.phantom.planted import World
from molre.progress import track
from molre.table_files import write_csv
from molre.training.config import TrainConfig
from molre.workers.count import processes
from molre.workers.pool import each
from molre.workflows.control_fit import ControlData, kept_or_fitted

HOURS = 6 * 3600.0  # s that one arm of one seed may take


@dataclass(frozen=True)
class ControlPlan:
    """What is run: worlds, sizes, arms, seeds.

    Attributes:
        conflicts: one world each.
        world: of their sizes; its conflict is replaced.
        train, tune, test: studies.
        seeds: of training, the same for every arm.
        arms: names.
        draw: of the studies, see :class:`~molre.workflows.control_fit.ControlData`.
    """

    conflicts: tuple[float, ...] = (0.0, 1.0)
    world: World = field(default_factory=World)
    train: int = 1000
    tune: int = 400
    test: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    arms: tuple[str, ...] = tuple(at_placement("slice"))
    draw: int = 0

    def data(self, conflict: float) -> ControlData:
        """The studies of one world."""
        world = replace(self.world, conflict=conflict)
        return ControlData(world, self.train, self.tune, self.test, self.draw)


# for a demo: the same question at a size that two cores answer in a few minutes
SMALL = ControlPlan(world=World(dim=32, findings=4, slices=6), train=400, tune=200, test=400)
SMALL_SETTINGS: dict[str, Any] = {
    "max_steps": 1500, "patience_steps": 260, "learning_rates": (3e-3, 1e-2), "max_rates": 4
}  # fmt: skip


def routing_control(
    out: str | Path,
    plan: ControlPlan = ControlPlan(),
    config: TrainConfig | None = None,
    *,
    workers: int | None = None,
) -> RoutingControl:
    """Fit every arm on every world, compare, and write ``OUT/control.csv`` and its contrasts.

    Fits are kept in ``OUT/fits``: the same command goes on where it stopped.

    Args:
        out: folder to write to.
        plan: worlds, sizes, arms and seeds.
        config: budget and sizes of the method; arm, seed and placement are the plan's.
        workers: processes; one for each core by default.

    Raises:
        MolreError: a folder in the way, or a fit that failed.
    """
    folder, config = Path(out), config or TrainConfig()
    claim(folder, "control")
    jobs = [(c, arm, seed) for c in plan.conflicts for arm in plan.arms for seed in plan.seeds]
    work = each(fit_job, jobs, (plan, config, folder / "fits"), processes(workers), HOURS)
    for job, outcome in track(work, "fitting arms to planted embeddings", len(jobs)):
        if isinstance(outcome, RefusedScan):
            raise MolreError(f"{' '.join(map(str, job))}: {outcome.what}", where=folder)
    control = RoutingControl(plan.conflicts, compared(plan, config, folder / "fits"))
    write_csv(folder / "control.csv", findings_table(control.result))
    write_csv(folder / "control_contrasts.csv", contrasts_table(control.result))
    return control


def fit_job(
    job: tuple[float, str, int], plan: ControlPlan, config: TrainConfig, fits: Path
) -> None:
    """Fit one arm of one seed in one world, unless it is kept."""
    conflict, arm, seed = job
    chosen = config.model_copy(update={"arm": arm, "seed": seed, "placement": "slice"})
    kept_or_fitted(chosen, plan.data(conflict), fits)


def compared(plan: ControlPlan, config: TrainConfig, fits: Path) -> ArmsCompared:
    """Every arm in every world, with the statistics of a comparison of runs.

    Args:
        plan: that was run.
        config: that it was run with.
        fits: where its fits are kept.
    """
    test = plan.data(plan.conflicts[0]).split("test")  # labels do not depend on the conflict
    arms = [_scores(plan, config, fits, c, arm) for c in plan.conflicts for arm in plan.arms]
    names = [f"planted_{k + 1}" for k in range(plan.world.findings)]
    return compare_arms(arms, test.present.astype(float), test.keys, names)


def _scores(
    plan: ControlPlan, config: TrainConfig, fits: Path, conflict: float, arm: str
) -> ArmScores:
    settings = {"arm": arm, "placement": "slice"}
    read = partial(kept_or_fitted, data=plan.data(conflict), folder=fits)
    of_seeds = [read(config.model_copy(update=settings | {"seed": s})) for s in plan.seeds]
    logits = np.stack([one.logits for one in of_seeds])
    facts = joined([one.facts for one in of_seeds])
    return ArmScores(arm, group_name(conflict), plan.seeds, logits, facts)
