"""Training on cached embeddings: seconds an epoch and peak anonymous memory at two sizes.

Random embeddings (40 x 768, half precision) are written in the cache's own format, which builds
its index from them; 75 findings. Time must grow linearly with the scans and anonymous memory must
stay flat, as the embeddings are mapped. The large file takes 4.3 GB of disk, and is removed.

    python experiments/speed_train.py                      # all rows, writes speed_train.md
    python experiments/speed_train.py --one 70000 molre    # one row, as JSON
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch

from molre.arms.arms import ARMS
from molre.model.build import ClassifierSpec, build_classifier
from molre.runs.studies import Studies
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.trainer import Trainer

SLICES, DIM, FINDINGS = 40, 768, 75
SHARD, TUNE = 64, 100
SIZES, ROWS = (7_000, 70_000), ("frozen", "molre")


def anonymous_bytes() -> int:
    """Anonymous resident memory of this process, in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def key(i: int) -> str:
    return f"{i:064x}"


def write_cache(scans: int, folder: Path) -> None:
    """Shards of random embeddings, each the first one shifted, as drawing them takes longer."""
    from safetensors.torch import save

    generator = torch.Generator().manual_seed(0)
    base = torch.randn(SHARD, SLICES, DIM, generator=generator).half()
    for start in range(0, scans, SHARD):
        shifted = base.roll(start // SHARD, -1)
        rows = range(start, min(scans, start + SHARD))
        source = json.dumps({key(i): list(range(SLICES)) for i in rows})
        blob = save({key(i): shifted[i - start].contiguous() for i in rows}, {"source": source})
        name = hashlib.sha256(blob).hexdigest()[:24]
        (folder / f"{name}.safetensors").write_bytes(blob)


def measure(scans: int, arm: str, folder: Path) -> dict[str, float]:
    from molre.embedding.cache import EmbeddingCache

    write_cache(scans, folder)
    cache = EmbeddingCache(folder)
    rng = np.random.default_rng(0)
    hashes = tuple(key(i) for i in range(scans))
    targets = (rng.random((scans, FINDINGS)) < 0.2).astype(np.float32)
    studies = Studies(hashes, hashes, hashes, targets)
    few = Studies(hashes[:TUNE], hashes[:TUNE], hashes[:TUNE], targets[:TUNE])
    config = TrainConfig(arm=arm, max_epochs=1)
    torch.manual_seed(0)
    spec = ClassifierSpec(dim=DIM, findings=FINDINGS, adapter=ARMS[arm].slice.kind)
    model = build_classifier(spec)
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            peak[0] = max(peak[0], anonymous_bytes())

    threading.Thread(target=watch, daemon=True).start()
    before = anonymous_bytes()
    load, started, busy = os.getloadavg()[0], time.perf_counter(), time.process_time()
    train, tune = (Loader(cache, split, config.batch_size, 0) for split in (studies, few))
    Trainer.at_rate(1e-3, model, config, train, tune).fit()
    stop.set()
    return {
        "scans": scans,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - busy,
        "load": load,
        "added_MB": (peak[0] - before) / 1e6,
        "peak_MB": peak[0] / 1e6,
    }


def one(scans: int, arm: str) -> dict[str, float]:
    """A row, in a process of its own."""
    command = [sys.executable, __file__, "--one", str(scans), arm]
    found: dict[str, float] = json.loads(
        subprocess.run(command, capture_output=True, check=True).stdout
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("SCANS", "ARM"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    torch.set_num_threads(2)
    if given.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(int(given.one[0]), given.one[1], Path(folder))))
            shutil.rmtree(folder, ignore_errors=True)
        return
    lines = [
        "# Training on cached embeddings",
        "",
        f"`python experiments/speed_train.py`; one epoch, random embeddings {SLICES} x {DIM} (half "
        f"precision, mapped), {FINDINGS} findings, batches of 32, tune of {TUNE} scans. Python "
        f"{platform.python_version()}, torch {torch.__version__}, 2 cores, no accelerator. Each row "
        "is a process of its own; the load is that of the machine before it.",
        "",
        "| arm | scans | seconds | CPU seconds | load | peak anonymous MB | of which in training |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm in ROWS:
        for scans in SIZES:
            r = one(scans, arm)
            lines.append(
                f"| {arm} | {r['scans']:,} | {r['seconds']:.1f} | {r['cpu_seconds']:.1f} "
                f"| {r['load']:.1f} | {r['peak_MB']:.0f} | {r['added_MB']:.0f} |"
            )
    given.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
