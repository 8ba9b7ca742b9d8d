"""A number with what must stand beside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, how that was made, and its n (nan, nan: no interval)."""

    value: float
    low: float
    high: float
    method: str
    n: int


def columns(name: str, estimate: Estimate | None) -> dict[str, object]:
    """Cells of a table: value, low, high, method and n under a common name; null without one."""
    keys = (name, f"{name}_low", f"{name}_high", f"{name}_method", f"{name}_n")
    if estimate is None:
        return dict.fromkeys(keys)
    values = (estimate.value, estimate.low, estimate.high, estimate.method, estimate.n)
    return dict(zip(keys, values, strict=True))
