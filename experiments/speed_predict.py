"""Prediction of one study in a warm process, against reading it and the bare backbone.

Phantom studies are written as DICOM, ingested and trained on for an epoch. Then each is read
(``decode``), its prepared slices are run through the backbone alone (``bare``), and it is predicted
from its files (``predict``: read, head check, windows, backbone, adapter, pooling, calibration,
distance, the Prediction; no report is written). The goal: predict at most 1.15 times decode and
bare together. One thread and the processor's clock, so that other work on the machine counts
little; the backbone is the smallest that molre has, beside which everything else weighs most.

    python experiments/speed_predict.py
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import molre
from molre.cohort.cohort import Cohort
from molre.cohort.ingest import ingest
from molre.cohort.match import match_labels
from molre.cohort.split import split
from molre.ct.read import read_series
from molre.embedding.one_series import CHUNK
from molre.embedding.prepare import to_inputs
from molre.phantom.write import write_phantoms
from molre.training.config import TrainConfig
from molre.training.train import train

STUDIES, ROUNDS = 16, 3
FINDINGS = ("epidural_hemorrhage", "pneumocephalus")


def trained(root: Path) -> tuple[Path, list[list[str]]]:
    """A model folder and the files of the studies."""
    write_phantoms(
        root / "scans", STUDIES, seed=1, findings=FINDINGS, prevalence=0.5, max_slices=32
    )
    ingest([root / "scans"], root / "cohort")
    match_labels(root / "cohort", root / "scans" / "labels.csv")
    split(root / "cohort", fractions=(0.4, 0.2, 0.2, 0.2))
    config = TrainConfig(max_epochs=1, learning_rates=(1e-3,), min_labels=1)
    run = train(root / "cohort", root / "run", config)
    return run / "model", [list(f) for f in Cohort(root / "cohort").chosen()["files"]]


def timed(work: Callable[[], Any]) -> float:
    """Processor seconds, the least of a few rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def measure(reader: Any, files: list[str]) -> tuple[int, float, float, float]:
    """Slices, and seconds of decode, bare backbone and prediction."""
    volume = read_series(files)
    pixels, _ = to_inputs(volume, reader.backbone.contract)

    def bare() -> None:
        with torch.inference_mode():
            for chunk in pixels.split(CHUNK):
                reader.backbone(chunk)

    decode = timed(lambda: read_series(files))
    network = timed(bare)
    return len(volume), decode, network, timed(lambda: reader(read_series(files)))


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model, studies = trained(Path(folder))
        reader = molre.load(model)
        reader(read_series(studies[0]))
        load = os.getloadavg()[0]
        rows = [measure(reader, files) for files in studies[: STUDIES // 4]]
    ratios = [predict / (decode + bare) for _, decode, bare, predict in rows]
    lines = [
        "# Prediction of one study in a warm process",
        "",
        f"`python experiments/speed_predict.py`; {len(rows)} synthetic studies, `efficientnet_lite0`"
        f", arm molre at placement slice, one thread, processor seconds (least of {ROUNDS}). Python "
        f"{platform.python_version()}, torch {torch.__version__}, load {load:.1f} on "
        f"{os.cpu_count()} cores.",
        "",
        "| slices | decode, ms | bare backbone, ms | predict, ms | predict / (decode + bare) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for (slices, *seconds), ratio in zip(rows, ratios, strict=True):
        cells = " | ".join(f"{1e3 * s:.0f}" for s in seconds)
        lines.append(f"| {slices} | {cells} | {ratio:.2f} |")
    median, worst = statistics.median(ratios), max(ratios)
    lines += ["", f"Median {median:.2f}, largest {worst:.2f}; the goal is at most 1.15."]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
