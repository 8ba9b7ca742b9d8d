"""How much of the bare backbone's speed is left when scans are read and prepared as well?

Bare: the same number of processes, one thread each, on ready tensors. Both are measured in turns,
so that what else the machine does falls on both, and the best of each is taken.

    python experiments/speed_embed.py [--weights FOLDER] [--studies N] [--repeats N]

Writes experiments/speed_embed.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import shlex
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load
from molre.cohort.cohort import Cohort
from molre.cohort.ingest import ingest
from molre.embedding import embed as embedding
from molre.phantom.write import write_phantoms

HERE = Path(__file__).parent
WORKERS = 2
SLICES = 28


def _ready(studies: int) -> int:
    """In a worker: ``studies`` studies of ready tensors through the backbone."""
    backbone = embedding._worker_backbone
    size = backbone.contract.size
    pixels = torch.rand(SLICES, 3, size, size)
    for _ in range(studies):
        embedding._through(pixels, backbone)
    return studies * SLICES


def bare(backbone: Backbone, studies: int) -> float:
    """Slices per second of the backbone alone."""
    context = multiprocessing.get_context("fork")
    start = embedding._start_worker
    with ProcessPoolExecutor(WORKERS, context, start, (backbone,)) as pool:
        began = time.perf_counter()
        slices = sum(pool.map(_ready, [1] * studies))
        return slices / (time.perf_counter() - began)


def whole(backbone: Backbone, cohort: Path) -> float:
    """Slices per second of ``molre embed`` without its start: files to cached embeddings."""
    began = time.perf_counter()
    cache = embedding.embed(cohort, backbone, workers=WORKERS, overwrite=True)
    took = time.perf_counter() - began
    keys = Cohort(cohort).chosen()["content_hash"]
    return sum(len(cache.index(key)) for key in keys) / took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help="Folder with the ViT-S checkpoint.")
    parser.add_argument("--studies", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    names = ["efficientnet_lite0"] + ([f"hf:{options.weights}"] if options.weights else [])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        scans, cohort = Path(folder) / "scans", Path(folder) / "cohort"
        write_phantoms(scans, options.studies, seed=1, workers=WORKERS)
        ingest([scans], cohort, workers=WORKERS)
        for name in names:
            backbone = load(name)
            alone, all_of_it = [], []
            for _ in range(options.repeats):
                alone.append(bare(backbone, options.studies))
                all_of_it.append(whole(backbone, cohort))
            rows.append((backbone.name, max(alone), max(all_of_it)))
    report(rows, options)


def report(rows: list[tuple[str, float, float]], options: argparse.Namespace) -> None:
    """Print the table and write it beside this script."""
    command = shlex.join(["python", "experiments/speed_embed.py", *sys.argv[1:]])
    lines = [
        "# Embedding speed",
        "",
        f"`{command}`",
        "",
        f"{options.studies} phantom studies of 256 x 256 DICOM slices, {WORKERS} processes of one "
        f"thread, best of {options.repeats} in turns; {platform.machine()}, "
        f"{multiprocessing.cpu_count()} cores, torch {torch.__version__}.",
        "",
        "| backbone | bare, slices/s | files to cache, slices/s | ratio |",
        "| --- | --- | --- | --- |",
    ]
    for name, alone, everything in rows:
        lines.append(f"| {name} | {alone:.1f} | {everything:.1f} | {everything / alone:.2f} |")
    (HERE / "speed_embed.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
