"""A cohort embedded, labeled and split without any scan, so that training starts at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import torch

from molre.backbones.catalogue import load as load_backbone
from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.keys import open_salt, pseudonym
from molre.cohort.scans import table
from molre.embedding.embed import open_cache

FINDINGS = ("skull_fracture", "epidural_hemorrhage")
SHARES = ("train",) * 6 + ("tune", "tune", "calibrate", "test")


def write_ready(
    path: Path,
    studies: int = 60,
    shares: tuple[str, ...] = SHARES,
    salt: bytes = b"a salt for tests",
) -> Path:
    """Embeddings of the offline default in which one slice tells each finding."""
    salt, rng = open_salt(path / "salt", salt), np.random.default_rng(0)
    keys = [pseudonym(salt, "study", str(i)) for i in range(studies)]
    row = {"chosen": True, "eligible": True, "synthetic": True}
    scans = [
        row | {"study": key, "patient": key, "series": key, "files": [f"{key}.dcm"]}
        | {"content_hash": key, "pixel_hash": key}
        for key in keys
    ]  # fmt: skip
    write_table(path / "scans.parquet", table(scans))
    write_facts(path, synthetic=True)
    states = rng.integers(0, 2, (studies, len(FINDINGS)))
    write_table(path / "labels.parquet", _labels(keys, states))
    splits = {"patient": keys, "split": [shares[i % len(shares)] for i in range(studies)]}
    pl.DataFrame(splits).write_csv(path / "splits.csv")
    cohort, backbone = Cohort(path), load_backbone("efficientnet_lite0")
    cache = open_cache(cohort, backbone)
    for key, state in zip(keys, states, strict=True):
        scan = rng.normal(size=(8, backbone.dim)).astype(np.float32)
        scan[3, :40] += 3 * state[0]
        scan[5, 40:80] += 3 * state[1]
        cache.put(key, torch.from_numpy(scan), np.arange(8))
    cache.flush()
    return path


def _labels(keys: list[str], states: np.ndarray) -> pl.DataFrame:
    rows = [
        (key, finding, "present" if states[i, k] else "absent", "phantom", "", "")
        for i, key in enumerate(keys)
        for k, finding in enumerate(FINDINGS)
    ]
    columns = ["study_id", "finding", "state", "source", "labeller", "evidence"]
    return pl.DataFrame(rows, schema=columns, orient="row")
