"""What a reader of a comparison must know, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from molre.arms.arms import FROZEN, METHOD
from molre.evaluation.caveats import dropped_caution, worse_than_chance
from molre.evaluation.comparison.contrasts import ArmResult, ArmsCompared
from molre.evaluation.comparison.verdict import listed
from molre.evaluation.endpoint import EMPTY
from molre.evaluation.statistics.seeds import NEEDED

SURE = 50  # patients of each class from which p-values hold, see experiments/interval_coverage.md


def comparison_notes(result: ArmsCompared) -> tuple[str, ...]:
    """All that apply to a comparison.

    Args:
        result: of :func:`molre.evaluation.comparison.contrasts.compare_arms`.
    """
    notes = [
        *_nothing_to_contrast(result),
        *_seeds(result),
        *_training(result),
        *_routing(result),
        dropped_caution(result.dropped, result.draws),
        *_findings(result),
    ]
    return tuple(note for note in notes if note)


def _nothing_to_contrast(result: ArmsCompared) -> Iterator[str]:
    groups = list(dict.fromkeys(arm.group for arm in result.arms))
    if len(groups) > 1:
        yield (
            "Arms are compared within one backbone and placement, never across: between two, "
            "the backbone and the arm would both change."
        )
    for group in groups:
        if any(contrast.group == group for contrast in result.contrasts):
            continue
        names = [arm.name for arm in result.arms if arm.group == group]
        yield (
            f"{group}: only {listed(names)} {'was' if len(names) == 1 else 'were'} given, so there "
            f"is nothing to contrast; add {FROZEN} or {METHOD} of the same backbone and placement."
        )


def _seeds(result: ArmsCompared) -> Iterator[str]:
    counts = {len(arm.seeds) for arm in result.arms}
    if len(counts) > 1:
        yield "The arms were trained with different numbers of seeds."
    if min(counts) < NEEDED:
        yield (
            "With one or two seeds the spread between seeds is a glimpse, not an estimate: "
            "intervals and p-values then describe these trained models, and the same arms trained "
            f"again may differ by as much. A verdict on routing needs {NEEDED} seeds of "
            "every arm that it rests on."
        )


def _training(result: ArmsCompared) -> Iterator[str]:
    for arm in result.arms:
        if not arm.facts.converged:
            yield (
                f"{_named(arm, result)} did not converge: it ran out of budget before tune "
                "stopped improving, so its numbers do not say how good the arm can be."
            )
        if arm.facts.at_edge:
            yield (
                f"{_named(arm, result)} did best at the edge of the grid of learning rates: a "
                "wider grid may change its numbers, and every difference along with them."
            )


def _routing(result: ArmsCompared) -> Iterator[str]:
    for arm in result.arms:
        if arm.name == METHOD and arm.facts.unrouted:
            yield (
                f"{_named(arm, result)} did not route: its gate entropy is {arm.facts.entropy:.3f} "
                f"of the maximum (above {arm.facts.even_above:.3g} the gates of "
                f"{arm.facts.experts} experts are taken as even). A difference from "
                "the random or shuffled router then says nothing about learned routing."
            )


def _findings(result: ArmsCompared) -> Iterator[str]:
    if not result.endpoint:
        yield f"There is no macro AUC: {EMPTY}."
    scored = [support for support in result.supports if support.finding in result.endpoint]
    rare = [s for s in scored if min(s.positive_patients, s.negative_patients) < SURE]
    if rare:
        yield (
            f"{len(rare)} of the {len(scored)} scored findings have fewer than {SURE} "
            "positive or negative patients. With 10 or 20 a difference where there is none gets a "
            "p below 0.05 in up to 11 of 100 samples: take such p-values as hints."
        )
    few = len(result.supports) - len(scored)
    if few:
        yield (
            f"{few} of {len(result.supports)} findings have fewer than ten positive or ten "
            "negative patients in test: counted, not scored, and not in the mean."
        )
    for arm in result.arms:
        worse = worse_than_chance(
            [s.finding for s in result.supports], arm.aucs, f"In {_named(arm, result)}, "
        )
        if worse:
            yield worse


def _named(arm: ArmResult, result: ArmsCompared) -> str:
    several = len({one.group for one in result.arms}) > 1
    return f"{arm.name} ({arm.group})" if several else arm.name
