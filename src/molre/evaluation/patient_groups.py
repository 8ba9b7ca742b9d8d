"""Which subgroup a study is in, from the cohort's scans table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from molre.cohort.patient_bands import AGES, THICKNESSES, TILTED, banded
from molre.ct.kernel import sharpness

MOST = 8  # groups of a dimension; the smallest are joined
OTHER = "other"


def scan_groups(scans: pl.DataFrame, studies: Sequence[str]) -> dict[str, np.ndarray]:
    """Groups of each study by dimension; None where the scan does not say.

    Args:
        scans: the chosen series of the cohort; a column ``site`` is used where there is one.
        studies: N keys.

    Returns:
        for each dimension with two groups or more, object (N,) of names.
    """
    rows = pl.DataFrame({"study": list(studies)}).join(
        scans.unique("study", keep="first", maintain_order=True), on="study", how="left"
    )
    columns = {
        "manufacturer": rows["manufacturer"],
        "kernel": pl.Series([_kernel(name) for name in rows["kernel"]], dtype=pl.String),
        "slice thickness, mm": banded(rows["slice_thickness"], THICKNESSES),
        "gantry tilt": pl.Series([_tilt(t) for t in rows["tilt"]], dtype=pl.String),
        "age, years": banded(rows["age"], AGES),
        "sex": rows["sex"],
    }
    if "site" in rows.columns:
        columns["site"] = rows["site"].cast(pl.String)
    named = {name: _few(values) for name, values in columns.items()}
    return {
        name: values
        for name, values in named.items()
        if len({value for value in values if value is not None}) > 1
    }


def _few(values: pl.Series) -> np.ndarray:
    """The largest groups by name, the others together."""
    clean = values.cast(pl.String).str.strip_chars().replace("", None)
    counts = (
        clean.drop_nulls().value_counts(name="n").sort(["n", clean.name], descending=[True, False])
    )
    kept = set(counts[clean.name].head(MOST if len(counts) <= MOST else MOST - 1))
    words = [None if v is None else v if v in kept else OTHER for v in clean]
    return np.array(words, dtype=object)


def _kernel(name: str | None) -> str | None:
    found = sharpness(name)
    return None if found == "unknown" else found


def _tilt(degrees: float | None) -> str | None:
    if degrees is None:
        return None
    return "tilted" if abs(degrees) >= TILTED else "not tilted"
