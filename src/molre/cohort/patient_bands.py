"""Bands of age and slice thickness that scans are grouped in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

AGES = (40, 60, 80)  # years
THICKNESSES = (1.5, 3.5, 5.5)  # mm
TILTED = 1.0  # degrees; a gantry tilt below is none


def banded(values: pl.Series, edges: Sequence[float]) -> pl.Series:
    """Names of bands: under the first edge, between edges, from the last on; null stays.

    Args:
        values: (N,) numbers.
        edges: ascending.
    """
    names = [f"under {edges[0]:g}"]
    names += [f"{a:g} to {b:g}" for a, b in pairwise(edges)]
    names.append(f"{edges[-1]:g} and over")
    place = [None if v is None else sum(v >= edge for edge in edges) for v in values]
    return pl.Series([None if p is None else names[p] for p in place], dtype=pl.String)
