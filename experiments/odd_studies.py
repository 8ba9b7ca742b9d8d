"""Odd studies by the hundred thousand: which are read wrong, and the seeds that show it.

Each seed names a study of ``tests/odd``: a known head written with a mixture of other sets, varying
and missing elements, lost HU, packings and names. What was judged goes to ``odd_studies.jsonl``, a
line for each hundred seeds, and from there to ``odd_studies.md``; a killed run goes on where it
was. Seeds are judged by the code that runs: start with ``--anew`` once it has changed. A seed that
went wrong belongs in ``tests/odd/cases.json`` once it is mended.

Run: ``python experiments/odd_studies.py --studies 100000 --workers 2``
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGE = Path(__file__).with_suffix(".md")
RECORD = Path(__file__).with_suffix(".jsonl")
BATCH = 100
MEMORY = Path("/dev/shm")  # a disk takes longer to remove a study than molre to read it


def wrong(seed: int) -> str | None:
    """What is wrong with the outcome of one study."""
    from tests.helpers.odd.oracle import judge
    from tests.helpers.odd.plan import plan_of

    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        try:
            return judge(plan_of(seed), Path(folder) / "study")
        except Exception:
            return f"crash: {traceback.format_exc(limit=-2)}"


def batch(first: int) -> tuple[int, dict[int, str]]:
    """Seeds of a batch that went wrong, and how."""
    found = ((seed, wrong(seed)) for seed in range(first, first + BATCH))
    return first, {seed: what for seed, what in found if what is not None}


def recorded() -> dict[int, dict[int, str]]:
    """Wrong seeds of each batch that was judged, by its first seed."""
    lines = RECORD.read_text(encoding="utf-8").splitlines() if RECORD.exists() else []
    rows = map(json.loads, lines)
    return {row["first"]: {int(k): v for k, v in row["wrong"].items()} for row in rows}


def write_page(judged: dict[int, dict[int, str]]) -> None:
    """Counts, kinds, and the seeds."""
    from tests.helpers.odd.plan import plan_of

    found = {seed: what for wrong in judged.values() for seed, what in wrong.items()}
    bad = {seed: what for seed, what in found.items() if not plan_of(seed).undecided}
    kinds = Counter(what.split(":")[0][:60] for what in bad.values())
    seeds = f"Seeds: {', '.join(map(str, sorted(bad)))}.\n" if bad else ""
    PAGE.write_text(
        "# Odd studies\n\n"
        f"`python experiments/odd_studies.py`: {BATCH * len(judged)} studies, seeds {min(judged)} "
        f"to {max(judged) + BATCH - 1}, {len(bad)} wrong; and "
        f"{len(found) - len(bad)} in which nothing tells two sets from one with thinner steps.\n\n"
        + "".join(f"- {count}: {what}\n" for what, count in kinds.most_common())
        + f"\n{seeds}",
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--anew", action="store_true", help="forget what was judged before")
    given = parser.parse_args()
    if given.anew:
        RECORD.unlink(missing_ok=True)
    judged = recorded()
    wanted = range(given.first, given.first + given.studies, BATCH)
    with ProcessPoolExecutor(given.workers) as pool:
        for first, found in pool.map(batch, [one for one in wanted if one not in judged]):
            judged[first] = found
            with RECORD.open("a", encoding="utf-8") as record:
                record.write(json.dumps({"first": first, "wrong": found}) + "\n")
            for seed, what in found.items():
                print(f"{seed}: {what[:300]}", flush=True)
            if len(judged) % 10 == 0:
                print(f"{BATCH * len(judged)} studies", file=sys.stderr, flush=True)
                write_page(judged)
    write_page(judged)


if __name__ == "__main__":
    main()
