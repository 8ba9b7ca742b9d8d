"""What the runs of an arm report about themselves, for the verdicts that rest on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from molre.evaluation.comparison.verdict import ArmFacts
from molre.runs.run import Run


def arm_facts(runs: Sequence[Run]) -> ArmFacts:
    """Facts of an arm from the runs of its seeds.

    Args:
        runs: of one arm and one group, one or more.
    """
    return joined([_facts(run) for run in runs])


def joined(each: Sequence[ArmFacts]) -> ArmFacts:
    """Facts of an arm from those of its seeds: what one of them leaves open is open.

    Args:
        each: one or more, of one arm; size and placement are those of the first.
    """
    entropies = [facts.entropy for facts in each if facts.entropy is not None]
    return replace(
        each[0],
        entropy=float(np.mean(entropies)) if entropies else None,
        converged=all(facts.converged for facts in each),
        at_edge=any(facts.at_edge for facts in each),
    )


def _facts(run: Run) -> ArmFacts:
    return ArmFacts(
        placement=str(run.manifest["placement"]),
        entropy=gate_entropy(run),
        experts=_experts(run),
        converged=run.manifest.get("converged", True),
        at_edge=run.manifest.get("rate_at_edge") is True,
        added=int(run.manifest["added_parameters"]),
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
