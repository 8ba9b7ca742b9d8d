"""The volume cache: megabytes of int16 pixels a second on one core, written and read back.

Synthetic studies as `molre phantom` writes them, and the chosen series of every study under the
paths that are given. Reading checks both hashes: of the file, and of the pixels that come out.

    python experiments/speed_cache.py ../shared/data/philips_ingenuity_phantom_study
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import blosc2

from molre.ct.cache.volume_cache import VolumeCache
from molre.ct.cache.volume_file import pack, read_bytes, unpack
from molre.ct.read import read_found, read_series
from molre.ct.survey import Series, choose, survey
from molre.phantom.write import write_phantoms

TARGET = 500  # MB/s of pixels, read on one core with hashes checked


@dataclass(frozen=True)
class Speed:
    """MB/s of pixels by processor time and by the clock."""

    processor: float
    clock: float

    def __str__(self) -> str:
        return f"{self.processor:.0f} ({self.clock:.0f})"


def timed(work: Callable[[], object], megabytes: float) -> Speed:
    clock, used = time.perf_counter(), time.process_time()
    work()
    used, clock = time.process_time() - used, time.perf_counter() - clock
    return Speed(megabytes / used, megabytes / clock)


def median(speeds: list[Speed]) -> Speed:
    return Speed(
        statistics.median(s.processor for s in speeds), statistics.median(s.clock for s in speeds)
    )


def chosen_series(path: Path) -> Iterator[Series]:
    for study in survey([str(path)]).studies:
        yield choose(study)[0]


def measure(name: str, series: list[Series], rounds: int) -> tuple[str, str]:
    """Rows of both tables: all scans one after the other, in each round."""
    volumes = [read_found(one) for one in series]
    megabytes = sum(v.hu.nbytes for v in volumes) / 1e6
    speeds: dict[str, list[Speed]] = {}

    def note(what: str, work: Callable[[], object]) -> None:
        speeds.setdefault(what, []).append(timed(work, megabytes))

    with tempfile.TemporaryDirectory() as temporary:
        cache = VolumeCache(Path(temporary))
        hashes = [v.content_hash for v in volumes]
        for volume in volumes:
            cache.put(volume)
        blobs = [read_bytes(cache.path(h)) for h in hashes]
        for _ in range(rounds):
            note("put", lambda: [cache.put(v) for v in volumes])
            note("get", lambda: check(cache, hashes))
            note("files", lambda: [read_series(s.files) for s in series])
            note("pack", lambda: [pack(v) for v in volumes])
            note("unpack", lambda: [unpack(b) for b in blobs])
            note("hash of the files", lambda: [hashlib.sha256(b).digest() for b in blobs])
            note("hash of the pixels", lambda: [hashlib.sha256(v.hu).digest() for v in volumes])
    ratio = megabytes * 1e6 / sum(map(len, blobs))
    slices = sum(map(len, volumes))
    found = {what: median(each) for what, each in speeds.items()}
    verdict = "reached" if found["get"].processor >= TARGET else "missed"
    first = f"| {name} | {len(volumes)} | {slices} | {megabytes:.0f} | {ratio:.2f} "
    first += f"| {found['put']} | {found['get']} | {verdict} | {found['files']} |"
    parts = ("pack", "unpack", "hash of the files", "hash of the pixels")
    return first, f"| {name} | {' | '.join(str(found[part]) for part in parts)} |"


def check(cache: VolumeCache, hashes: list[str]) -> None:
    for content_hash in hashes:
        assert cache.get(content_hash) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="real scans")
    parser.add_argument("--studies", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    load = os.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        write_phantoms(temporary, given.studies, seed=1, workers=1)
        series = list(chosen_series(Path(temporary)))
        rows.append(measure(f"{given.studies} phantoms", series, given.rounds))
        print(*rows[-1], sep="\n", flush=True)
    for path in given.paths:
        rows.append(measure(path.name, list(chosen_series(path)), given.rounds))
        print(*rows[-1], sep="\n", flush=True)
    asked = [f"--studies {given.studies}", f"--rounds {given.rounds}"]
    asked += [f".../{path.name}" for path in given.paths]
    given.out.write_text(page(" ".join(asked), given.rounds, load, rows))


def page(asked: str, rounds: int, load: float, rows: list[tuple[str, str]]) -> str:
    lines = [
        "# Volume cache",
        "",
        f"`python experiments/speed_cache.py {asked}`; MB/s of int16 pixels on one core (blosc2 "
        f"with one thread), medians of {rounds} rounds: by processor time, and in brackets by the "
        "clock. Cache and scans are in the page cache. `put` compresses, hashes, writes and syncs; "
        "`get` reads, checks the hash of the file, decodes, and checks the content hash of what "
        f"came out: {TARGET} MB/s are asked of it. The last column reads the original files.",
        "",
        f"{cpu()}, {os.cpu_count()} cores, load {load:.1f} when it started. Python "
        f"{platform.python_version()}, blosc2 {blosc2.__version__}.",
        "",
        "| scans | series | slices | MB | ratio | put | get | target | original files |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(first for first, _ in rows),
        "",
        "Of what it is made: `unpack` includes the hash of the file, but not that of the pixels.",
        "",
        "| scans | pack | unpack | hash of the files | hash of the pixels |",
        "| --- | --- | --- | --- | --- |",
        *(second for _, second in rows),
        "",
        "Two hashes, as they find different things. That of the file's bytes finds every damaged "
        "bit of it, header and geometry included, before anything is decoded or allocated; the "
        "bytes are compressed, so it costs little. It cannot see a decoder or a memory that errs, "
        "nor a file under another's name: the content hash of the decoded pixels does.",
    ]
    return "\n".join(lines) + "\n"


def cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown processor"


if __name__ == "__main__":
    main()
