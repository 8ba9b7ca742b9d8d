"""How unfamiliar the scans of a run's studies are, for RUN/studies.parquet."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch

from molre.model.classifier import HeadCTClassifier
from molre.model.familiarity import Familiarity, summarize
from molre.runs.studies import Studies
from molre.training.data import Inputs


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
    parts = []
    for name, studies in splits.items():
        far = None if name == "train" else distances(studies, cache, classifier, known)
        parts.append(studies.rows(name, far))
    return pl.concat(parts, rechunk=True)


def distances(
    studies: Studies, cache: Inputs, classifier: HeadCTClassifier, known: Familiarity
) -> np.ndarray:
    """Distance (N,) of each study from the training scans over the threshold; above 1 is far."""
    with torch.inference_mode():
        summaries = [summarize(classifier.normalize(cache.get(h))) for h in studies.content_hash]
        distance = known.distance(torch.stack(summaries)) / known.threshold
    return np.asarray(distance.numpy())
