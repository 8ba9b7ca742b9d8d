"""Odd studies by the hundred thousand: which are read wrong, and the seeds that show it.

Each seed names a study of ``tests/odd``: a known head written with a mixture of other sets, varying
and missing elements, lost HU, packings and names. The counts go to ``odd_studies.md``; a seed that
went wrong belongs in ``tests/odd/cases.json`` once it is mended.

Run: ``python experiments/odd_studies.py --studies 100000 --workers 2``; a killed run goes on with
``--first``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGE = Path(__file__).with_suffix(".md")
BATCH = 100


def wrong(seed: int) -> str | None:
    """What is wrong with the outcome of one study."""
    from tests.helpers.odd.oracle import judge
    from tests.helpers.odd.plan import plan_of

    with tempfile.TemporaryDirectory() as folder:
        try:
            return judge(plan_of(seed), Path(folder) / "study")
        except Exception:
            return f"crash: {traceback.format_exc(limit=-2)}"


def batch(first: int) -> list[tuple[int, str]]:
    """Seeds of a batch that went wrong, and how."""
    found = ((seed, wrong(seed)) for seed in range(first, first + BATCH))
    return [(seed, what) for seed, what in found if what is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    started, done, bad = time.monotonic(), 0, list[tuple[int, str]]()
    with ProcessPoolExecutor(given.workers) as pool:
        for found in pool.map(batch, range(given.first, given.first + given.studies, BATCH)):
            done, bad = done + BATCH, bad + found
            for seed, what in found:
                print(f"{seed}: {what[:300]}", flush=True)
            if done % 1000 == 0:
                print(f"{done} studies, {len(bad)} wrong", file=sys.stderr, flush=True)
    minutes = (time.monotonic() - started) / 60
    words = Counter(what.split(":")[0][:60] for _, what in bad)
    PAGE.write_text(
        "# Odd studies\n\n"
        f"`python experiments/odd_studies.py --first {given.first} --studies {given.studies} "
        f"--workers {given.workers}`, {minutes:.0f} min: {done} studies, {len(bad)} wrong.\n"
        + "".join(f"- {count}: {what}\n" for what, count in words.most_common()),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
