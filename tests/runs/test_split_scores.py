"""Rows of predictions.parquet as grids of studies by findings, whatever their order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from molre.errors import MolreError
from molre.runs.split_scores import refuse_shared_patients, split_scores

SOURCE = Path("predictions.parquet")
ROWS = pl.DataFrame(
    {
        "study": ["b", "a", "a", "b", "c"],
        "patient": ["q", "p", "p", "q", "r"],
        "split": ["test"] * 4 + ["tune"],
        "finding": ["x", "y", "x", "y", "x"],
        "label": [1, 0, None, 1, 0],
        "logit": [1.0, 2.0, 3.0, 4.0, 5.0],
        "probability": [0.1, 0.2, 0.3, 0.4, 0.5],
    }
)


def test_rows_become_grids_sorted_by_study_in_the_order_of_the_findings() -> None:
    scores = split_scores(ROWS, "test", ("x", "y"), SOURCE)
    assert scores is not None
    assert (scores.studies, scores.patients) == (("a", "b"), ("p", "q"))
    np.testing.assert_array_equal(scores.labels, [[np.nan, 0], [1, 1]])
    np.testing.assert_array_equal(scores.logits, [[3, 2], [1, 4]])
    np.testing.assert_array_equal(scores.probabilities, [[0.3, 0.2], [0.1, 0.4]])


def test_a_split_without_studies_is_none() -> None:
    assert split_scores(ROWS, "calibrate", ("x", "y"), SOURCE) is None


def test_a_row_that_is_missing_or_there_twice_is_refused() -> None:
    twice = pl.concat([ROWS.slice(0, 3), ROWS.slice(0, 1)])
    for rows in (ROWS.slice(1), twice):
        with pytest.raises(MolreError, match="each finding once for each study"):
            split_scores(rows, "test", ("x", "y"), SOURCE)


def test_a_patient_in_two_splits_is_named() -> None:
    refuse_shared_patients(ROWS, SOURCE)
    moved = ROWS.with_columns(patient=pl.col("patient").replace("r", "q"))
    with pytest.raises(MolreError, match=r"1 patient .* \(test and tune\): q"):
        refuse_shared_patients(moved, SOURCE)
