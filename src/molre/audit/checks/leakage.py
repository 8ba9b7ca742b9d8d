"""Did test stay out of everything before it: patients, pixels, near twins, pretraining."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import polars as pl
import torch

from molre.audit.check import FLAG, LEAKAGE, PASS, Check, compared, flagged
from molre.audit.run_under_audit import RunUnderAudit
from molre.evaluation.pretraining import pretraining_caution
from molre.runs.reading import read_table
from molre.training.load_splits import Splits

SAME = "no scan embedded alike in two splits"
SHARED_BY = 3  # studies; a name that more of them share is a folder above them
# Of the median distance to the nearest training scan. The same scan with 2 HU more noise lies at
# 0.2 to 0.4 of it, shifted by a pixel below 0.2, mirrored below 0.4; in another kernel at 0.9 to
# 1.3, among honest pairs, whose nearest lay at 0.8 (phantoms, EfficientNet-Lite0).
TWIN = 0.5
_CHUNK = 512


def patients(opened: RunUnderAudit) -> Iterator[Check]:
    """No patient is in two splits, by the predictions and by the cohort."""
    table = opened.predictions
    twice = table.group_by("patient").agg(pl.col("split").n_unique()).filter(pl.col("split") > 1)
    found = [f"{patient} in predictions.parquet" for patient in twice["patient"].sort()]
    yield compared(LEAKAGE, "no patient in two splits", table["patient"].n_unique(), found)


def pixels(opened: RunUnderAudit) -> Iterator[Check]:
    """No pixels are in two splits; the same pixels twice inside a split are flagged."""
    placed = opened.cohort.scans().join(opened.cohort.splits(), on="patient", how="inner")
    known = placed.filter(pl.col("pixel_hash").is_not_null())
    groups = known.group_by("pixel_hash").agg(
        pl.col("split").n_unique().alias("splits"),
        pl.col("study").n_unique().alias("studies"),
        pl.col("study").first(),
    )
    across = groups.filter(pl.col("splits") > 1)
    found = [f"the pixels of {study}" for study in across["study"].sort()]
    yield compared(LEAKAGE, "no equal pixels in two splits", known.height, found)
    again = groups.filter((pl.col("splits") == 1) & (pl.col("studies") > 1))
    name = "no scan twice inside a split"
    found = [f"the pixels of {study}" for study in again["study"].sort()]
    yield flagged(LEAKAGE, name, known.height, found)


def owners(opened: RunUnderAudit) -> Iterator[Check]:
    """One study under two patients."""
    scans = opened.cohort.scans()
    counted = scans.group_by("study").agg(pl.col("patient").n_unique())
    two = counted.filter(pl.col("patient") > 1)["study"].sort()
    yield compared(
        LEAKAGE, "no study under two patients", counted.height, [f"{study}" for study in two]
    )


def names(opened: RunUnderAudit) -> Iterator[Check]:
    """One study under two patients, or a UID or accession number that two patients share."""
    yield from owners(opened)
    scans = opened.cohort.scans()
    placed = scans.join(opened.cohort.splits(), on="patient", how="inner").explode("aliases")
    shared = (
        placed.filter(pl.col("aliases").is_not_null())
        .group_by("aliases")
        .agg(
            pl.col("study").unique().sort(),
            pl.col("patient").n_unique(),
            pl.col("split").n_unique(),
        )
        .filter((pl.col("patient") > 1) & (pl.col("split") > 1))
        .filter(pl.col("study").list.len() <= SHARED_BY)
    )
    found = sorted(" and ".join(studies) for studies in shared["study"].to_list())
    name = "no name (UID, accession, folder) shared by patients of two splits"
    yield flagged(LEAKAGE, name, placed["aliases"].n_unique(), found)


def left_out(opened: RunUnderAudit) -> Iterator[Check]:
    """Every study that could be scored is; a hard one may have been dropped for what it showed.

    A study of which a label, a split or an embedding is left, but no scan, was there once.
    """
    cohort = opened.cohort
    scans, splits = cohort.scans(), cohort.splits()
    studies, patients = set(scans["study"]), set(scans["patient"])
    used = {study for split in opened.splits.by_name.values() for study in split.study}
    labeled = set(cohort.labels()["study_id"])
    ready = set(scans.filter(pl.col("eligible"))["study"]) & labeled
    embedded = set(read_table(opened.cache.folder / "index.parquet")["content_hash"])
    left = {
        "labeled, readable and not in the run": ready - used,
        "in labels.parquet without a scan": labeled - studies,
        "in splits.csv without a scan (patients)": set(splits["patient"]) - patients,
        **unscored(scans, embedded),
    }
    yield flagged_left(left, len(studies))


def unscored(scans: pl.DataFrame, embedded: set[str]) -> dict[str, set[str]]:
    """Series that were embedded once, and that nothing is told of now.

    Args:
        scans: scans.parquet.
        embedded: content hashes of the embedding cache.
    """
    barred = scans.filter(~pl.col("eligible"))["content_hash"].drop_nulls()
    return {
        "in the embeddings without a scan (series)": embedded - set(scans["content_hash"]),
        "called not eligible, with an embedding (series)": embedded & set(barred),
    }


def flagged_left(left: dict[str, set[str]], studies: int) -> Check:
    """A row that counts each kind of what was left out.

    Args:
        left: what, in words, and its members.
        studies: looked at.
    """
    found = [f"{len(some)} {words}" for words, some in left.items() if some]
    return flagged(LEAKAGE, "no study left out", studies, found)


def same_embeddings(opened: RunUnderAudit) -> Iterator[Check]:
    """No two studies of different splits have the same embeddings, whatever their hashes say."""
    first: dict[bytes, tuple[str, str]] = {}
    found, seen = [], 0
    for split, studies in opened.splits.by_name.items():
        for study, content_hash in zip(studies.study, studies.content_hash, strict=True):
            content = opened.cache.get(content_hash).float().numpy().tobytes()
            digest = hashlib.sha256(content).digest()
            other, where = first.setdefault(digest, (study, split))
            seen += 1
            if where != split:
                found.append(f"{other} ({where}) and {study} ({split})")
    if len(first) <= seen / 2:  # a network that says the same of everything tells no scans apart
        yield Check(LEAKAGE, SAME, FLAG, f"{seen:,} scans have {len(first):,} embeddings")
    else:
        yield compared(LEAKAGE, SAME, seen, found)


def twins(opened: RunUnderAudit) -> Iterator[Check]:
    """Scans of test whose embedding is near one of train: the same scan, made twice?

    Noise, a shift or a turn is seen; another reconstruction of the same scan is not.
    """
    splits = opened.splits
    train, test = (_summaries(opened, splits, split) for split in ("train", "test"))
    nearest, which = [], []
    for chunk in test.split(_CHUNK):
        distance, place = torch.cdist(chunk, train).min(dim=1)
        nearest.append(distance)
        which.append(place)
    distances, places = torch.cat(nearest), torch.cat(which)
    near = torch.nonzero(distances < TWIN * distances.median())[:, 0].tolist()
    found = [
        f"{splits['test'].study[i]} (test) and {splits['train'].study[int(places[i])]} (train)"
        for i in near
    ]
    yield flagged(LEAKAGE, "no near twin of a training scan in test", len(test), found)


def _summaries(opened: RunUnderAudit, splits: Splits, split: str) -> torch.Tensor:
    """Mean slice embedding (N, D) of each scan of a split."""
    cache, hashes = opened.cache, splits[split].content_hash
    return torch.stack([cache.get(h).float().mean(0) for h in hashes])


def pretraining(opened: RunUnderAudit) -> Iterator[Check]:
    """Whether the backbone's own training may have seen the test scans."""
    told = str(opened.description.backbone.weights.get("pretraining") or "unknown")
    name = "test scans and the backbone's pretraining data"
    caution = pretraining_caution(told, _names(opened))
    if caution is None:
        yield Check(LEAKAGE, name, PASS, f"pretrained on {told}, which holds no CT")
    else:
        yield Check(LEAKAGE, name, FLAG, caution)


def _names(opened: RunUnderAudit) -> list[str]:
    """What the test data are called: the cohort's folder, the sources of its labels."""
    if not opened.has("cohort"):
        return [opened.cohort_told.name]
    labels = opened.cohort.labels()
    said = [*labels["source"].unique(), *labels["labeller"].unique()]
    return [opened.cohort.path.name, *(str(one) for one in said if one)]
