"""The studies of a run: those of a split in memory, and RUN/studies.parquet with all of them.

The content hash is of pixels and geometry, without identifiers, so that an external cohort can be
checked against what the model has seen when the run's own cohort is no longer available.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from molre.arrays import FloatArray
from molre.errors import MolreError
from molre.runs.folder import AGAIN, RunFolder
from molre.runs.split_scores import refuse_shared_patients

SCHEMA = {
    "study": pl.String,
    "patient": pl.String,
    "split": pl.String,
    "content_hash": pl.String,
    "familiarity": pl.Float64,  # distance over its threshold; null in train, which it is made of
}


@dataclass(frozen=True)
class Studies:
    """The studies of one split, in a fixed order.

    Attributes:
        study: pseudonymous keys, N.
        patient: pseudonymous keys, N.
        content_hash: key of each chosen series in the embedding cache, N.
        targets: float32 (N, K) of 1, 0 and nan (unknown).
    """

    study: tuple[str, ...]
    patient: tuple[str, ...]
    content_hash: tuple[str, ...]
    targets: np.ndarray

    def __len__(self) -> int:
        """Number of studies."""
        return len(self.study)

    def rows(self, split: str, familiarity: Sequence[float] | np.ndarray | None) -> pl.DataFrame:
        """Their rows of studies.parquet.

        Args:
            split: its name.
            familiarity: (N,) distances from the training scans over the threshold; None in train.
        """
        n = len(self)
        far = [None] * n if familiarity is None else [float(value) for value in familiarity]
        columns = (self.study, self.patient, [split] * n, self.content_hash, far)
        return pl.DataFrame(dict(zip(SCHEMA, columns, strict=True)), schema=SCHEMA)


def read_familiarity(run: RunFolder, studies: Sequence[str]) -> FloatArray | None:
    """Distances (N,) of studies from the training scans over the threshold; None in older runs.

    Args:
        run: the RUN folder.
        studies: N keys of the test split.

    Raises:
        MolreError: damaged, or a study is not there, or a patient is in two splits.
    """
    source = run.table("studies")
    if not source.is_file():
        return None
    table = run.read("studies", "study", "patient", "split", "familiarity")
    refuse_shared_patients(table, source)
    distance = dict(table.select("study", "familiarity").iter_rows())
    found = [distance.get(study) for study in studies]
    if any(value is None for value in found):
        what = "does not hold the test studies of predictions.parquet"
        raise MolreError(what, where=source, fix=AGAIN)
    return np.array(found, dtype=np.float64)
