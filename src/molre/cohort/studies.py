"""Reading the studies of a run, here or on a cluster, so that nothing is lost on the way."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from molre.cohort import study_state as state
from molre.cohort.read_study import IngestSettings, Outcome, read_study
from molre.cohort.rejects import Rejected
from molre.cohort.study_state import StudyRecord
from molre.ct.best_series import better_failed
from molre.ct.files.entries import outer
from molre.ct.listing import StudyFiles
from molre.errors import RefusedScan
from molre.progress import track
from molre.shard import Shard
from molre.workers.pool import Crashed

Each = Callable[..., Generator[tuple[Any, Any], None, None]]
CRASHES = 2  # a worker may be killed from outside; one that dies twice over a series died of it
MOST_DEATHS = 5  # over one study: what kills a worker may lie before the choice of a series


@dataclass(frozen=True)
class StudyJob:
    """One try to read a study.

    Attributes:
        stamp: of its files, before they are read.
        skip: how many of its best series could not be read.
        crashes: of workers, on this series.
        deaths: of workers, by a crash or by the time limit, on this study.
        failed: what was said of each series that could not be read.
    """

    listed: StudyFiles
    stamp: str
    skip: int = 0
    crashes: int = 0
    deaths: int = 0
    failed: tuple[Rejected, ...] = ()


def mine(studies: Sequence[StudyFiles], shard: Shard) -> list[StudyFiles]:
    """The studies of a shard, by a hash of their keys."""
    return [s for s in studies if shard.has(_bucket(s.key))]


def _bucket(key: str) -> int:
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def read_all(studies: Iterable[StudyFiles], how: IngestSettings, each: Each) -> tuple[int, int]:
    """Read studies; what comes of each is kept in ``COHORT/state`` as it comes.

    A study whose best series cannot be read, whatever the reason, is tried again with its next
    best one.

    Args:
        studies: to be read.
        how: settings of the run.
        each: runs a function of one job in workers, see ``molre.workers.pool.each``.

    Returns:
        How many studies were read, and how many of the others had a series to read.
    """
    # neighbors follow each other: a worker keeps the last packed archives that it has unpacked
    in_place = sorted(studies, key=lambda listed: outer(next(iter(listed.names))))
    jobs = [StudyJob(listed, state.stamp(listed, how)) for listed in in_place]
    read = unreadable = 0
    while jobs:
        again: list[StudyJob] = []
        # closed before anything else, so that after Ctrl-C no worker writes any more
        with contextlib.closing(each(work, jobs, (how,))) as answers:
            for job, result in track(answers, "reading studies", total=len(jobs)):
                new, done = _judge(job, result, how)
                if new:
                    again.append(new)
                elif done is not None:
                    names = [] if done.rows else list(job.listed.files)
                    kept = StudyRecord(done.rows, [*done.rejects, *_failures(job, done)], names)
                    state.save(state.file_of(how, job.listed), job.stamp, kept)
                    read += bool(done.rows)
                    unreadable += not done.rows and bool(job.failed or done.failed)
        jobs = again
    return read, unreadable


def work(job: StudyJob, how: IngestSettings) -> Outcome:
    """One job, in a worker."""
    return read_study(job.listed, job.skip, how)


def _judge(
    job: StudyJob, result: Outcome | RefusedScan, how: IngestSettings
) -> tuple[StudyJob | None, Outcome | None]:
    """The next try, or what came of the study."""
    if isinstance(result, RefusedScan):
        return _after_death(job, result, how)
    if result.failed and result.more:
        return replace(job, skip=job.skip + 1, crashes=0, failed=(*job.failed, result.failed)), None
    return None, result


def _after_death(
    job: StudyJob, error: RefusedScan, how: IngestSettings
) -> tuple[StudyJob | None, Outcome | None]:
    """The worker died or took too long: the same series once more, or the next one."""
    deaths = job.deaths + 1
    if isinstance(error, Crashed) and job.crashes + 1 < CRASHES:
        return replace(job, crashes=job.crashes + 1, deaths=deaths), None
    place = job.listed.files[0] if len(job.listed.files) == 1 else job.listed.folder
    failed = Rejected.of_study(place, job.listed.key, error, how.salt)
    if deaths >= MOST_DEATHS:
        return None, Outcome([], [], failed)
    later = replace(job, skip=job.skip + 1, crashes=0, deaths=deaths)
    return replace(later, failed=(*job.failed, failed)), None


def _failures(job: StudyJob, done: Outcome) -> list[Rejected]:
    """Series that could not be read; said in the reason of the one that could."""
    failed = [*job.failed, *([done.failed] if done.failed else [])]
    if not done.rows:
        return failed
    better = "".join(f"; {better_failed(r.reason)}" for r in failed)
    for row in done.rows:
        if row["chosen"]:
            row["reason"] += better
    return [replace(r, lost=False) for r in failed]
