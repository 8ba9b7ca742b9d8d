"""How numbers are written in reports and tables: the same everywhere, and never as nan."""

from __future__ import annotations

import math

NONE = "–"


def number(value: float | None, digits: int = 3, sign: bool = False) -> str:
    """A number with a fixed number of decimals; a dash where there is none."""
    if value is None or math.isnan(value):
        return NONE
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "\u2212")


def interval(low: float | None, high: float | None, digits: int = 3, sign: bool = False) -> str:
    """``0.712 to 0.845``; a dash where there is none."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return NONE
    return f"{number(low, digits, sign)} to {number(high, digits, sign)}"


def p_value(value: float) -> str:
    """A p-value with three decimals, ``<0.001`` below that."""
    if math.isnan(value):
        return NONE
    return "<0.001" if value < 0.001 else f"{value:.3f}"
