"""RUN/studies.parquet: every study of a run, its split, its scan and how unfamiliar that is.

The content hash is of pixels and geometry, without identifiers, so that an external cohort can be
checked against what the model has seen when the run's own cohort is no longer at hand.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import torch

from molre.model.classifier import HeadCTClassifier
from molre.model.familiarity import Familiarity, summarise
from molre.training.data import Inputs, Studies

SCHEMA = {
    "study": pl.String,
    "patient": pl.String,
    "split": pl.String,
    "content_hash": pl.String,
    "familiarity": pl.Float64,  # distance over its threshold; null in train, which it is made of
}


def studies_table(
    splits: dict[str, Studies], cache: Inputs, classifier: HeadCTClassifier, known: Familiarity
) -> pl.DataFrame:
    """One row a study.

    Args:
        splits: by name; ``train`` gets no distance.
        cache: embeddings of their scans.
        classifier: trained.
        known: of the same run.
    """
    rows = []
    for name, studies in splits.items():
        distance = None if name == "train" else distances(studies, cache, classifier, known)
        for i, study in enumerate(studies.study):
            own = None if distance is None else float(distance[i])
            rows.append((study, studies.patient[i], name, studies.content_hash[i], own))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def distances(
    studies: Studies, cache: Inputs, classifier: HeadCTClassifier, known: Familiarity
) -> np.ndarray:
    """Distance (N,) of each study from the training scans over the threshold; above 1 is far."""
    with torch.inference_mode():
        summaries = [summarise(classifier.normalise(cache.get(h))) for h in studies.content_hash]
        distance = known.distance(torch.stack(summaries)) / known.threshold
    return np.asarray(distance.numpy())
