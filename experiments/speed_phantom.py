"""Phantom studies per second with two processes, 28 slices of 256 x 256, DICOM included.

python experiments/speed_phantom.py [studies]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from molre.phantom.write import write_phantoms

    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        start = time.perf_counter()
        write_phantoms(out, studies, seed=1, workers=2)
        seconds = time.perf_counter() - start
        slices = len(list(out.glob("study_*/*.dcm")))
    print(f"{studies} studies, {slices / studies:.1f} slices each, 256 x 256, two processes")
    print(f"{studies / seconds:.2f} studies/s, {slices / seconds:.1f} slices/s")
    print(f"per 28 slices: {slices / seconds / 28:.2f} studies/s (wanted: 1.5)")


if __name__ == "__main__":
    main()
