"""Synthetic studies per second with two processes, slices of 256 x 256, DICOM and truth included.

python experiments/speed_phantom.py [--studies 60]
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from molre.phantom.write import write_phantoms

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        start = time.perf_counter()
        write_phantoms(out, given.studies, seed=1, workers=2)
        seconds = time.perf_counter() - start
        slices = len(list(out.glob("study_*/*.dcm")))
    lines = [
        "# Writing synthetic studies",
        "",
        f"`python experiments/speed_phantom.py --studies {given.studies}`; default severity and "
        f"prevalence, two processes, starting them included. Python {platform.python_version()}, "
        f"2 cores, load {load:.1f} when it started.",
        "",
        "| studies | slices a study | studies/s | studies/s of 28 slices | target |",
        "| --- | --- | --- | --- | --- |",
        f"| {given.studies} | {slices / given.studies:.1f} | {given.studies / seconds:.2f} "
        f"| {slices / seconds / 28:.2f} | 1.5 |",
        "",
    ]
    given.out.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
