"""Where a threshold lies between the scores that it divides."""

from __future__ import annotations


def midpoint(lower: float, upper: float) -> float:
    """What divides two scores that are called by ``score >= threshold``; within (lower, upper].

    Between neighboring doubles there is nothing, and their mean may be the lower.
    """
    middle = lower + (upper - lower) / 2
    return middle if lower < middle < upper else upper
