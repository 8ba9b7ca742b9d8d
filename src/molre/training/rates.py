"""Which learning rates a search tries: the grid, widened while the best lies at its edge.

A grid that ends where an arm still improves decides a comparison: an arm with a factorized update
takes larger steps at the same rate than a plain head, so equal grids are unequal in fit. Every arm
therefore starts from the same grid and widens it by the same rule, until its best rate has a worse
neighbor on either side or ``max_rates`` are tried; if it ends at an edge, this is reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

LOWEST, HIGHEST = 1e-6, 1e-1  # no rate beyond these is tried unasked


def best_rate(scores: Mapping[float, float]) -> float:
    """The rate with the largest tune AUC; the smaller rate on a tie.

    Args:
        scores: best tune AUC of each rate tried.
    """
    return max(sorted(scores), key=lambda rate: scores[rate])


def at_edge(scores: Mapping[float, float]) -> bool:
    """Whether the best rate could be better still beyond the rates that were tried.

    True where it is the largest or smallest of them and better than its only neighbor; an equal
    neighbor is a plateau. A single rate was not compared with any, and is an edge.

    Args:
        scores: best tune AUC of each rate tried.
    """
    rates, best = sorted(scores), best_rate(scores)
    if len(rates) == 1:
        return True
    neighbor = {rates[0]: rates[1], rates[-1]: rates[-2]}.get(best)
    return neighbor is not None and scores[best] > scores[neighbor]


def next_rate(scores: Mapping[float, float], most: int) -> float | None:
    """The rate to try next, None where the search has ended.

    A grid of one rate is a rate that was asked for, and is not searched.

    Args:
        scores: best tune AUC of each rate tried, the whole grid at least.
        most: rates to try at most.
    """
    if len(scores) == 1 or len(scores) >= most or not at_edge(scores):
        return None
    best = best_rate(scores)
    rate = _above(best) if best == max(scores) else _below(best)
    return rate if LOWEST <= rate <= HIGHEST else None


def _above(rate: float) -> float:
    """The first of ... 1e-3, 3e-3, 1e-2 ... that is at least twice the rate."""
    return min(step for step in _ladder(rate) if step >= 2 * rate)


def _below(rate: float) -> float:
    """The last of ... 1e-3, 3e-3, 1e-2 ... that is at most half the rate."""
    return max(step for step in _ladder(rate) if step <= rate / 2)


def _ladder(rate: float) -> list[float]:
    decade = math.floor(math.log10(rate))
    return [float(f"{m}e{e}") for e in range(decade - 2, decade + 3) for m in (1, 3)]
