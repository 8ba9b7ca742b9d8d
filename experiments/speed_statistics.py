"""The paired patient bootstrap and DeLong at the size of the paper.

75 findings x 2 models x 10,000 studies x 2,000 paired resamples of patients with one thread and
with all, which must agree to the bit; and DeLong with its covariance for 75 x 2 x 70,000. Data are
drawn; findings have 0.3 to 40 % positives. Wall time is what a user waits; processor time is what a
busy machine cannot distort.

    python experiments/speed_statistics.py
"""

from __future__ import annotations

import argparse
import platform
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from molre.evaluation.statistics.bootstrap import DRAWS, bootstrap_aucs, processors
from molre.evaluation.statistics.delong import DeLong, delong

FINDINGS, MODELS = 75, 2


def drawn(studies: int, patients: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(M, N, K) scores, (N, K) labels and (N,) patients."""
    rng = np.random.default_rng(0)
    shares = np.geomspace(0.003, 0.4, FINDINGS)
    labels = (rng.random((studies, FINDINGS)) < shares).astype(np.float64)
    scores = rng.normal(size=(MODELS, studies, FINDINGS)) + labels
    return scores, labels, [f"p{i % patients:06d}" for i in range(studies)]


def by_finding(scores: np.ndarray, labels: np.ndarray) -> list[DeLong]:
    """DeLong of each finding; all have both classes."""
    return [delong(scores[:, :, k], labels[:, k]) for k in range(labels.shape[1])]


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, wall seconds and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    rows, results = [], []
    for patients, many in ((10_000, ""), (4_000, ", several a patient")):
        scores, labels, owners = drawn(10_000, patients)
        for threads in (1, processors()):
            work = partial(bootstrap_aucs, scores, labels, owners, threads=threads)
            result, wall, cpu = timed(work)
            results.append(result)
            what = f"bootstrap, {DRAWS:,} draws, 10,000 studies{many}, {threads} thread{'s' * (threads > 1)}"
            rows.append((what, wall, cpu))
        assert np.array_equal(results[-1], results[-2], equal_nan=True)
    scores, labels, _ = drawn(70_000, 70_000)
    _, wall, cpu = timed(partial(by_finding, scores, labels))
    rows.append(("DeLong with covariance, 70,000 studies", wall, cpu))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    load = Path("/proc/loadavg").read_text().split()[0]
    lines = [
        "# Statistics at the size of the paper",
        "",
        "`python experiments/speed_statistics.py`; ",
    ]
    lines[-1] += (
        f"{FINDINGS} findings x {MODELS} models. Python {platform.python_version()}, numpy "
        f"{np.__version__}, {processors()} processors, load at the end {load}. All threads give the "
        f"same bits. Peak memory {peak:.1f} GB, the drawn data in it."
    )
    lines += ["", "| what | wall, s | processor, s |", "| --- | --- | --- |"]
    lines += [f"| {what} | {wall:.1f} | {cpu:.1f} |" for what, wall, cpu in rows]
    given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
