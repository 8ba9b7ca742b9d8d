"""scans.parquet: one row per eligible series, chosen or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from molre.ct.files.text_names import written

# as older tables spell two of them
FIRST_FLAGS = {"off_centre": "off_center", "paediatric": "pediatric"}
SCHEMA: dict[str, Any] = {
    "patient": pl.String,  # pseudonyms, see molre.cohort.keys
    "patient_ids": pl.List(
        pl.String
    ),  # pseudonyms of its spellings, see molre.cohort.patient_identity
    "person": pl.String,  # the same of all spellings of one Patient ID
    "namesake": pl.String,  # of all who share name and birth date
    "born": pl.String,  # of a person's birth date
    "study": pl.String,
    "series": pl.String,
    "aliases": pl.List(pl.String),  # pseudonyms of the study's UID, accession, folder names
    "path": pl.String,  # folder, zip or file the series lies in
    "files": pl.List(pl.String),
    "slices": pl.Int32,
    "manufacturer": pl.String,
    "model": pl.String,
    "kernel": pl.String,
    "kvp": pl.Float64,
    "slice_thickness": pl.Float64,  # mm, as the header says
    "step_mm": pl.Float64,  # median distance of neighboring slices
    "pixel_spacing": pl.Float64,  # mm between rows
    "tilt": pl.Float64,  # degrees, from positions
    "even": pl.Boolean,
    "age": pl.Float64,  # years; above 89 it is 90
    "sex": pl.String,
    "date": pl.String,  # ISO, shifted by a salted number of days per patient
    "contrast": pl.Boolean,
    "coverage_mm": pl.Float64,
    "pixel_hash": pl.String,
    "content_hash": pl.String,
    "hu_map": pl.String,  # how the values of a NIfTI became HU, see molre.ct.nifti.hu_map
    "score": pl.Float64,  # see molre.ct.choice
    "eligible": pl.Boolean,
    "chosen": pl.Boolean,
    "reason": pl.String,  # why chosen, or why another one was
    "notes": pl.List(pl.String),  # what was repaired or is unusual
    "flags": pl.List(pl.String),  # what a radiographer would remark, see molre.ct.checks.quality
    "flag_words": pl.List(pl.String),  # the same in sentences
    "head": pl.Boolean,  # a whole head, by a check that needs no model
    "head_reasons": pl.List(pl.String),
    "synthetic": pl.Boolean,
}


def table(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Rows in a fixed order, whatever order they were read in."""
    plain = [{name: _text(value) for name, value in row.items()} for row in rows]
    return in_order(pl.DataFrame(plain, schema=SCHEMA, orient="row"))


def _text(value: Any) -> Any:
    """Names of files may hold bytes that are no text, see ``molre.ct.files.text_names``."""
    if isinstance(value, str):
        return written(value)
    return [_text(one) for one in value] if isinstance(value, list) else value


def in_order(table: pl.DataFrame) -> pl.DataFrame:
    """By study and series."""
    return table.sort("study", "series")
