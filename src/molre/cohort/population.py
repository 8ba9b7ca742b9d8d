"""Whose scans a run has, in counts that identify nobody: age, sex, scanner, kernel, thickness.

A group of fewer than five patients is never shown: small groups are joined under ``other``, and
where ``other`` is itself small the next smallest joins it, so that no count below five can be told
by subtraction either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from molre.cohort.patient_bands import AGES, THICKNESSES, TILTED, banded

SMALL = 5  # patients; a smaller group is not shown
OTHER = "other"
UNKNOWN = "unknown"


def population(scans: pl.DataFrame, studies: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Counts of patients by split.

    Args:
        scans: rows of scans.parquet, the chosen series.
        studies: keys of the studies of each split.

    Returns:
        for each split ``studies``, ``patients`` and, under each heading, a count of patients a
        group; a patient with several studies counts once, by the first of them.
    """
    return {
        split: _of_split(scans.filter(pl.col("study").is_in(list(keys))))
        for split, keys in studies.items()
    }


def _of_split(scans: pl.DataFrame) -> dict[str, Any]:
    patients = scans.sort("study").unique("patient", keep="first", maintain_order=True)
    columns = {
        "age, years": banded(patients["age"], AGES),
        "sex": patients["sex"],
        "manufacturer": patients["manufacturer"],
        "kernel": patients["kernel"],
        "slice thickness, mm": banded(patients["slice_thickness"], THICKNESSES),
        "gantry tilt": _tilted(patients["tilt"]),
    }
    return {
        "studies": scans.height,
        "patients": patients.height,
        **{name: _grouped(values) for name, values in columns.items()},
    }


def _tilted(tilt: pl.Series) -> pl.Series:
    words = [None if t is None else "tilted" if abs(t) >= TILTED else "none" for t in tilt]
    return pl.Series(words, dtype=pl.String)


def _grouped(values: pl.Series) -> dict[str, int]:
    """Counts, largest first; nothing below ``SMALL`` unless all there is."""
    named = values.cast(pl.String).str.strip_chars().replace("", None).fill_null(UNKNOWN)
    counts = named.value_counts(name="n").sort(["n", named.name], descending=[True, False])
    kept = {str(name): int(n) for name, n in counts.iter_rows()}
    small = [name for name, n in kept.items() if n < SMALL]
    other = sum(kept.pop(name) for name in small)
    while 0 < other < SMALL and kept:
        other += kept.pop(list(kept)[-1])
    return kept | ({OTHER: other} if other else {})
