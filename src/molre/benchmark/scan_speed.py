"""Seconds that a trained model takes per scan, measured with the model that the run kept."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import polars as pl
import torch

from molre.backbones.backbone import Backbone
from molre.ct.cache.volume_cache import scan, volumes_of
from molre.pipeline import load
from molre.runs.run import read_run
from molre.training.data import spread

SCANS = 3  # timed, after one that warms up


def seconds_per_scan(run: Path, backbone: Backbone, *, device: str) -> dict[str, Any]:
    """From a volume in memory to its probabilities: windows, backbone, pooling, scoring.

    Args:
        run: finished.
        backbone: the one that it was trained on, bare; changed in place by an arm at blocks.
        device: torch device.

    Returns:
        ``seconds_per_scan``, the median over ``timed`` test scans in one process with ``threads``
        threads.

    Raises:
        MolreError: a scan is gone.
    """
    read = read_run(run)
    cohort = read.cohort.opened
    reader = load(read.folder.model, device=device, backbone=backbone)
    rows = cohort.chosen().filter(pl.col("study").is_in(list(read.studies))).sort("study")
    volumes, seconds = volumes_of(cohort.path), []
    for i in spread(len(rows), SCANS + 1):
        row = rows.row(i, named=True)
        volume = scan(row["content_hash"], row["files"], volumes, row["hu_map"])
        started = time.perf_counter()
        reader(volume, even_if_withheld=True)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return {
        "seconds_per_scan": statistics.median(seconds[1:] or seconds),
        "timed": len(seconds[1:] or seconds),
        "threads": torch.get_num_threads(),
    }
