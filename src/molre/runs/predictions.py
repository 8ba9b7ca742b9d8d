"""RUN/predictions.parquet: what a model says of each study of tune, calibrate and test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from molre.model.calibration import Calibration
from molre.runs.studies import Studies

COLUMNS = ("study", "patient", "split", "finding", "label", "logit", "probability")


def prediction_table(
    split: str,
    studies: Studies,
    findings: Sequence[str],
    logits: np.ndarray,
    calibration: Calibration,
) -> pl.DataFrame:
    """Rows of one split, N studies times K findings, by :data:`COLUMNS`.

    Args:
        split: its name.
        studies: N.
        findings: K ids.
        logits: (N, K); kept as float32.
        calibration: of the K findings.

    Returns:
        label is 1, 0 or null for unknown; probability is calibrated.
    """
    n, k = logits.shape
    labels = studies.targets.reshape(-1)
    columns = (
        np.repeat(np.array(studies.study, dtype=object), k).tolist(),
        np.repeat(np.array(studies.patient, dtype=object), k).tolist(),
        [split] * (n * k),
        list(findings) * n,
        [None if np.isnan(v) else int(v) for v in labels],
        logits.reshape(-1).astype(np.float32),
        calibration.probabilities(logits).reshape(-1).astype(np.float32),
    )
    return pl.DataFrame(
        dict(zip(COLUMNS, columns, strict=True)), schema_overrides={"label": pl.Int8}
    )
