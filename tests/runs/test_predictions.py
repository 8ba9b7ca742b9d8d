"""predictions.parquet: one row for each study and finding."""

from __future__ import annotations

import numpy as np
import polars as pl

from molre.model.calibration import Calibration
from molre.runs.predictions import COLUMNS, prediction_table
from molre.runs.studies import Studies


def test_each_study_has_each_finding_once_with_its_label_and_calibrated_probability() -> None:
    nothing = np.zeros(2)
    calibration = Calibration(2.0, np.array([0.0, 1.0]), nothing > 0, nothing, nothing, nothing)
    targets = np.array([[1, np.nan], [0, 1]], dtype=np.float32)
    studies = Studies(("a", "b"), ("p", "q"), ("x", "y"), targets)
    logits = np.array([[0.0, 1.0], [-1.0, 2.0]])
    table = prediction_table("test", studies, ("first", "second"), logits, calibration)
    assert tuple(table.columns) == COLUMNS
    assert table.select("study", "patient", "split", "finding", "label", "logit").rows() == [
        ("a", "p", "test", "first", 1, 0.0),
        ("a", "p", "test", "second", None, 1.0),
        ("b", "q", "test", "first", 0, -1.0),
        ("b", "q", "test", "second", 1, 2.0),
    ]
    expected = 1 / (1 + np.exp(-np.array([0.0, 3.0, -2.0, 5.0])))
    np.testing.assert_allclose(table["probability"].to_numpy(), expected, rtol=1e-6)
    kinds = {"label": pl.Int8, "logit": pl.Float32, "probability": pl.Float32}
    assert {name: table.schema[name] for name in kinds} == kinds
