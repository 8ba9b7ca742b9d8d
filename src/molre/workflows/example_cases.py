"""Example cases of a run: its surest true positives, with their key slices and the attention."""

from __future__ import annotations

from typing import Any

import polars as pl
import torch

from molre.ct.cache.volume_cache import VolumeCache, scan, volumes_of
from molre.ct.volume import Volume
from molre.embedding.cache import EmbeddingCache
from molre.embedding.volume_pixels import WHOLE
from molre.errors import MolreError
from molre.evaluation.evaluate import Evaluation
from molre.labels.findings import Finding, findings
from molre.model import folder
from molre.model.classifier import bank_indices
from molre.output.charts import attention_bars
from molre.output.example import Example
from molre.output.prediction.images import BONE_FIRST, slice_image
from molre.runs.embeddings_of_run import open_embeddings
from molre.runs.folder import RunFolder

LIMIT = 6


def run_examples(evaluation: Evaluation, limit: int = LIMIT) -> list[Example]:
    """Cases to look at: of each finding the present case with the highest probability.

    Findings of different categories come first. Needs the cohort and its embeddings where the run
    was trained; a case whose scan or embedding is gone is left out, as the report's numbers do not
    depend on it.

    Args:
        evaluation: of the run.
        limit: most cases.
    """
    run, table = evaluation.run, findings()
    try:
        model, cohort = folder.load(run.folder.model), run.cohort.opened
        adapted = model.description.blocks != "none"
        cache = open_embeddings(run.folder, run.manifest, cohort.path, adapted=adapted)
        volumes = volumes_of(cohort.path)
        scans = {row["study"]: row for row in cohort.chosen().iter_rows(named=True)}
    except (MolreError, OSError):
        return []
    cases: list[Example] = []
    for study, finding, probability in _surest(run.folder):
        row = scans.get(study)
        if row is None or len(cases) == limit:
            continue
        try:
            cases.append(_case(model, cache, volumes, row, table.by_id[finding], probability))
        except (MolreError, KeyError):
            continue
    return cases


def _surest(run: RunFolder) -> list[tuple[str, str, float]]:
    """(study, finding, probability) of each finding's surest true positive, categories mixed."""
    test = run.read("predictions").filter((pl.col("split") == "test") & (pl.col("label") == 1))
    best = (
        test.sort("probability", "study", descending=[True, False])
        .group_by("finding", maintain_order=True)
        .first()
    )
    table, rows = findings(), []
    rank: dict[str, int] = {}
    for study, finding, probability in best.select("study", "finding", "probability").iter_rows():
        category = table.by_id[finding].category
        rank[category] = rank.get(category, 0) + 1
        rows.append((rank[category], -probability, study, finding, probability))
    return [(study, finding, probability) for _, _, study, finding, probability in sorted(rows)]


def _case(
    model: folder.TrainedModel,
    cache: EmbeddingCache,
    volumes: VolumeCache,
    row: dict[str, Any],
    finding: Finding,
    probability: float,
) -> Example:
    content_hash = row["content_hash"]
    embeddings, index = cache.get(content_hash).float(), cache.index(content_hash)
    bank = bank_indices(content_hash, len(embeddings), model.description.seed)
    k = [f.id for f in model.description.findings].index(finding.id)
    with torch.inference_mode():
        mask = torch.ones(1, len(embeddings), dtype=torch.bool)
        scores = model.classifier(embeddings.unsqueeze(0), mask, bank.unsqueeze(0))
    weights = scores.attention[0, :, k].numpy()
    volume = scan(content_hash, row["files"], volumes, row["hu_map"])
    key = int(index[int(weights.argmax())])
    first, second = ("bone", "brain") if finding.category in BONE_FIRST else ("brain", "blood")
    if key == WHOLE:
        return _whole(volume, row["study"], finding, probability, (first, second))
    return Example(
        title=f"study {row['study']}",
        finding=finding.name,
        probability=probability,
        pictures=[
            (
                f"slice {key + 1} of {len(volume)}, {window} window",
                slice_image(volume, key, window),
            )
            for window in (first, second)
        ],
        bars=attention_bars(weights),
    )


def _whole(
    volume: Volume, study: str, finding: Finding, probability: float, windows: tuple[str, ...]
) -> Example:
    """A case of a 3D backbone, which has no key slice: the middle of the scan, said to be that."""
    middle = len(volume) // 2
    return Example(
        title=f"study {study}",
        finding=finding.name,
        probability=probability,
        pictures=[
            (
                f"middle slice, {window} window (the volume is read as a whole: no key slice)",
                slice_image(volume, middle, window),
            )
            for window in windows
        ],
        bars="",
    )
