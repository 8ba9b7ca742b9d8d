"""Damaged scans by the hundred thousand: a longer run of tests/ct/test_fuzz.py, by hand.

python experiments/fuzz_reader.py --minutes 10 [--seed 1]   # the suite's mutator, child processes
python experiments/fuzz_reader.py --minutes 10 --atheris    # guided by coverage (pip install atheris)

Each mutant is read in a child process; one that dies, hangs, prints to stderr, raises anything but
a sentence, or gives a volume that an independent reader does not confirm is kept in --out.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

BATCH = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of seeds")
    parser.add_argument("--out", type=Path, default=Path("fuzz_findings"))
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True)
    if given.atheris:
        guided(given)
    else:
        mutated(given)


def mutated(given: argparse.Namespace) -> None:
    """Seeds in turn, a batch of mutants in a child process each."""
    from tests.helpers.ct.mutants import SEEDS, make

    names = given.only or list(SEEDS)
    seeds = {}
    for name in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            seeds[name] = make(name, Path(folder))
    counts = {name: collections.Counter() for name in names}
    end, turn = time.monotonic() + 60 * given.minutes, 0
    while time.monotonic() < end:
        for name in names:
            counts[name].update(batch(name, seeds, (given.seed, turn), given.out))
        turn += 1
    print("| seed | mutants | volume, confirmed | refused | findings | slowest, s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, count in counts.items():
        wrong = sum(n for what, n in count.items() if what.startswith("finding"))
        print(
            f"| {name} | {count['mutants']} | {count['volume']} | {count['refused']} | {wrong} | "
            f"{SLOWEST[name]:.2f} |"
        )
    total = sum((count for count in counts.values()), collections.Counter())
    print(f"\n{total['mutants']} mutants;", {k: v for k, v in total.items() if "finding" in k})


SLOWEST: dict[str, float] = collections.defaultdict(float)


def batch(name: str, seeds: dict, number: tuple[int, int], out: Path) -> collections.Counter:
    """What became of one batch; the parent outlives a child that dies."""
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            _in_child(name, seeds, number, Path(folder))
        _, status = os.waitpid(child, 0)
        done = Path(folder) / "counts.json"
        found = json.loads(done.read_text()) if done.exists() else {"counts": {"mutants": BATCH}}
        for path in Path(folder).glob("finding*"):
            path.rename(out / f"{name} {number[1]} {path.name}")
        if status:
            found["counts"][f"finding: the process ended by {status}"] = 1
            (Path(folder) / "mutant").rename(out / f"{name} {number[1]} ended")
        SLOWEST[name] = max(SLOWEST[name], found.get("slowest", 0.0))
    return collections.Counter(found["counts"])


def _in_child(name: str, seeds: dict, number: tuple[int, int], folder: Path) -> None:
    import signal

    from tests.helpers.ct.mutants import mutants

    signal.alarm(120)
    noise = os.open(folder / "stderr", os.O_CREAT | os.O_RDWR)
    os.dup2(noise, 2)
    others = [seed.data for seed in seeds.values()]
    counts, slowest = collections.Counter(), 0.0
    for index, data in enumerate(mutants(seeds[name], BATCH, others, number)):
        start = time.monotonic()
        what = verdict(name, data, folder / "mutant")
        slowest = max(slowest, time.monotonic() - start)
        counts.update([what, "mutants"])
        if what.startswith("finding"):
            (folder / f"finding {index}").write_bytes(data)
    if os.fstat(noise).st_size:
        counts["finding: printed to stderr"] += 1
        (folder / "stderr").rename(folder / "finding stderr")
    (folder / "counts.json").write_text(json.dumps({"counts": counts, "slowest": slowest}))
    os._exit(0)


def verdict(name: str, data: bytes, path: Path) -> str:
    """``"volume"``, ``"refused"``, or a finding."""
    import warnings

    from test_fuzz import check

    from molre.ct.read import read
    from molre.errors import MolreError

    path.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            volume = read(path)
    except MolreError as error:
        return "refused" if error.what and error.fix else "finding: no sentence"
    except BaseException as error:
        return f"finding: {type(error).__name__}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(volume, name, path)
    except Exception as error:
        return f"finding: not confirmed ({type(error).__name__})"
    return "volume"


def guided(given: argparse.Namespace) -> None:
    """libFuzzer over Python coverage; the seeds are its corpus."""
    import atheris

    with atheris.instrument_imports(include=["molre", "pydicom", "tarfile", "zipfile"]):
        import molre.ct.read  # noqa: F401
    from tests.helpers.ct.mutants import SEEDS, make

    corpus = Path(tempfile.mkdtemp())
    for name in given.only or SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            (corpus / name).write_bytes(make(name, Path(folder)).data)
    path = corpus.parent / f"{corpus.name}.mutant"

    def one(data: bytes) -> None:
        from molre.ct.read import read
        from molre.errors import MolreError

        path.write_bytes(data)
        try:
            volume = read(path)
        except MolreError as error:
            if not (error.what and error.fix):
                raise ValueError("no sentence") from error
        else:
            assert -1024 <= volume.hu.min() <= volume.hu.max() <= 3071

    options = [f"-max_total_time={60 * given.minutes:.0f}", "-timeout=20", "-rss_limit_mb=3000"]
    options += [f"-artifact_prefix={given.out}/", f"-seed={given.seed}", "-max_len=8000"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
