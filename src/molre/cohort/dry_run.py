"""What an ingest would do and how long it would take, before anything is written."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from molre.cohort.read_study import IngestSettings, Outcome, read_study
from molre.ct.cache.volume_cache import volumes_of
from molre.ct.files.entries import outer
from molre.ct.listing import StudyFiles, list_studies
from molre.ct.survey import look
from molre.errors import RefusedScan
from molre.paths import Paths
from molre.progress import track
from molre.workers.count import processes
from molre.workers.pool import each

SAMPLE = 6  # studies that are read on trial


@dataclass(frozen=True)
class IngestEstimate:
    """What an ingest would find and take.

    Attributes:
        studies: with a series that can be read, as far as headers tell.
        slices: of the chosen series.
        refused: files and studies that would go to rejects.csv.
        gigabytes: of the files.
        cache_gigabytes: that ``--cache`` would write.
        hours: with ``workers`` processes.
        tried: studies that were read on trial, for the last two.
    """

    studies: int
    slices: int
    refused: int
    gigabytes: float
    cache_gigabytes: float
    hours: float
    workers: int
    tried: int

    def as_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self))

    def as_text(self) -> str:
        """In two sentences."""
        found = (
            f"{self.studies} studies, {self.slices} slices, {self.gigabytes:.2f} GB of files; "
            f"{self.refused} files would be refused"
        )
        if not self.tried:
            return f"{found}. No sample study could be read, so the time is not known."
        return (
            f"{found}. It would take about {_duration(self.hours)} with {self.workers} workers, "
            f"and --cache {self.cache_gigabytes:.2f} GB more disk "
            f"(from {self.tried} studies read now). Nothing was written."
        )


@dataclass(frozen=True)
class _Headers:
    """One study by its headers."""

    slices: int
    refused: int
    bytes: int


def dry_run(paths: Paths, workers: int | None = None) -> IngestEstimate:
    """Read all headers, and a few studies whole, and write nothing.

    Args:
        paths: as for ``ingest``.
        workers: processes; one for each core by default.

    Raises:
        MolreError: a path is not there.
    """
    workers, listing = processes(workers), list_studies(paths, progress=track)
    looked: list[tuple[StudyFiles, _Headers]] = []
    refused = len(listing.rejects)
    results = each(_look, listing.studies, (), workers)
    for listed, result in track(results, "reading headers", total=len(listing.studies)):
        if isinstance(result, RefusedScan):
            refused += 1
        else:
            refused += result.refused
            looked.append((listed, result))
    good = [(listed, found) for listed, found in looked if found.slices]
    slices = sum(found.slices for _, found in good)
    size = sum(found.bytes for _, found in looked)
    tried, seconds, cached, read = _trial([listed for listed, _ in good])
    share = slices / read if read else 0.0
    return IngestEstimate(
        studies=len(good),
        slices=slices,
        refused=refused,
        gigabytes=size / 1e9,
        cache_gigabytes=cached * share / 1e9,
        hours=seconds * share / workers / 3600,
        workers=workers,
        tried=tried,
    )


def _look(listed: StudyFiles) -> _Headers:
    study, rejects = look(listed)
    size = sum(Path(f).stat().st_size for f in {outer(name) for name in listed.files})
    return _Headers(study.series[0].slices if study else 0, len(rejects), size)


def _trial(studies: Sequence[StudyFiles]) -> tuple[int, float, int, int]:
    """Studies read on trial, seconds, bytes in the cache, slices."""
    step = max(1, len(studies) // SAMPLE)
    with tempfile.TemporaryDirectory(prefix="molre-") as folder:
        how = IngestSettings(Path(folder), b"on trial", cache=True)
        found = each(_timed, studies[::step][:SAMPLE], (how,), workers=1)
        done = [r for _, r in found if not isinstance(r, RefusedScan) and r[1].rows]
        cached = sum(path.stat().st_size for path in volumes_of(Path(folder)).folder.glob("*"))
    slices = sum(row["slices"] for _, out in done for row in out.rows if row["chosen"])
    return len(done), sum(seconds for seconds, _ in done), cached, slices


def _timed(listed: StudyFiles, how: IngestSettings) -> tuple[float, Outcome]:
    started = time.perf_counter()
    outcome = read_study(listed, 0, how)
    return time.perf_counter() - started, outcome


def _duration(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.1f} hours"
    return f"{hours * 60:.0f} minutes" if hours > 1 / 60 else f"{hours * 3600:.0f} seconds"
