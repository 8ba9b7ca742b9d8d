"""Training on cached embeddings: scans per second and peak anonymous memory at two sizes.

Random embeddings (40 x 768, half precision) are written in the cache's own format; 75 findings.
Time must grow linearly and anonymous memory must stay flat, as the embeddings are mapped.

    python experiments/speed_train.py
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch

from molre.model.build import ClassifierSpec, build_classifier
from molre.model.loss import prevalence_weights
from molre.training.config import TrainConfig
from molre.training.data import Loader, Studies
from molre.training.fit import Progress, fit, make_optimizer

SLICES, DIM, FINDINGS = 40, 768, 75


def anonymous_bytes() -> int:
    """Anonymous resident memory of this process, in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def measure(scans: int, arm: str, folder: Path) -> dict[str, float]:
    from molre.embedding.cache import EmbeddingCache

    rng = np.random.default_rng(0)
    cache = EmbeddingCache(folder)
    hashes = tuple(f"{i:064x}" for i in range(scans))
    generator = torch.Generator().manual_seed(0)
    for content_hash in hashes:
        cache.put(
            content_hash,
            torch.randn(SLICES, DIM, generator=generator).half(),
            np.arange(SLICES),
        )
    cache.flush()
    cache = EmbeddingCache(folder)
    targets = (rng.random((scans, FINDINGS)) < 0.2).astype(np.float32)
    studies = Studies(hashes, hashes, hashes, targets)
    few = Studies(hashes[:100], hashes[:100], hashes[:100], targets[:100])
    config = TrainConfig(arm=arm, max_epochs=1)
    torch.manual_seed(0)
    model = build_classifier(ClassifierSpec(dim=DIM, findings=FINDINGS, adapter=arm_kind(arm)))
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            peak[0] = max(peak[0], anonymous_bytes())

    threading.Thread(target=watch, daemon=True).start()
    before = anonymous_bytes()
    started = time.perf_counter()
    fit(
        model,
        make_optimizer(model, config, 1e-3),
        Progress(),
        Loader(cache, studies, config.batch_size, 0),
        Loader(cache, few, config.batch_size, 0),
        prevalence_weights(torch.from_numpy(targets)),
        config,
        lambda progress: None,
    )
    seconds = time.perf_counter() - started
    stop.set()
    return {
        "scans": scans,
        "seconds": seconds,
        "scans_per_second": scans / seconds,
        "added_MB": (peak[0] - before) / 1e6,
        "peak_MB": peak[0] / 1e6,
    }


def arm_kind(arm: str) -> str:
    from molre.training.arms import ARMS

    return ARMS[arm].slice or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("SCANS", "ARM"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    torch.set_num_threads(2)
    if given.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(int(given.one[0]), given.one[1], Path(folder))))
        return
    lines = [
        "# Training on cached embeddings",
        "",
        f"`python experiments/speed_train.py`; one epoch, random embeddings {SLICES} x {DIM} (half "
        f"precision, mapped), {FINDINGS} findings, batches of 32. Python {platform.python_version()}, "
        f"torch {torch.__version__}, 2 cores, no accelerator. Each row is a process of its own.",
        "",
        "| arm | scans | seconds | scans/s | peak anonymous MB | of which while training |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for arm in ("frozen", "molre"):
        for scans in ("2000", "20000"):
            command = [sys.executable, __file__, "--one", scans, arm]
            r = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            lines.append(
                f"| {arm} | {r['scans']} | {r['seconds']:.1f} | {r['scans_per_second']:.0f} "
                f"| {r['peak_MB']:.0f} | {r['added_MB']:.0f} |"
            )
    given.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
