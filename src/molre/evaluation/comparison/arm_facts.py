"""What the runs of an arm report about themselves, for the verdicts that rest on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molre.evaluation.comparison.verdict import ArmFacts
from molre.runs.run import Run


def arm_facts(runs: Sequence[Run]) -> ArmFacts:
    """Facts of an arm from the runs of its seeds.

    Args:
        runs: of one arm and one group, one or more.
    """
    entropies = [entropy for run in runs if (entropy := gate_entropy(run)) is not None]
    return ArmFacts(
        placement=str(runs[0].manifest["placement"]),
        entropy=float(np.mean(entropies)) if entropies else None,
        experts=_experts(runs[0]),
        converged=all(run.manifest.get("converged", True) for run in runs),
        at_edge=any(run.manifest.get("rate_at_edge") is True for run in runs),
        added=int(runs[0].manifest["added_parameters"]),
    )


def _experts(run: Run) -> int:
    """Gates of one slice, as the run keeps them."""
    return ArmFacts.experts if run.gates is None else int(run.gates.mean.shape[2])


def gate_entropy(run: Run) -> float | None:
    """Mean entropy of the run's gates on test over its maximum; None without a router."""
    if run.gates is not None:
        return float(run.gates.entropy.mean())
    told = run.manifest.get("gate_entropy")
    return None if told is None else float(told)
