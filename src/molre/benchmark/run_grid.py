"""Run the grid: look at the backbones, embed, then train every cell.

Three phases, one after the other, each a list of jobs that do not depend on each other: a look at
every backbone, one embedding pass a backbone, then the cells. A job that fails, fails alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from molre.benchmark.grid import Grid, make_grid
from molre.benchmark.inspect_backbone import BackboneFacts
from molre.benchmark.plan import Bench, Plan
from molre.errors import RefusedScan
from molre.progress import say
from molre.shard import Shard
from molre.workers.job import Job, Outcome, run_job, write_outcome

WAIT = 1.0  # seconds before a job is asked for again that another run is at
LONGEST = 30 * 24 * 3600.0  # seconds that a cluster gives a job

Each = Callable[[Sequence[Job]], Iterator[tuple[Job, Outcome]]]


def run_cells(bench: Bench, shard: Shard, each: Each) -> None:
    """Run every cell that is not done; what became of each is in BENCH/state.

    Args:
        bench: what to run.
        shard: the part of the cells that is this run's.
        each: runs jobs: :func:`here`, or :func:`on_cluster`.

    Raises:
        MolreError: BENCH holds runs of another configuration or of other data.
    """
    jobs = bench.look_jobs()
    known = known_looks(bench)
    _run([job for name, job in jobs.items() if name not in known], "backbone", each)
    plan = Plan(bench, known_looks(bench))
    fresh = [cell for cell in shard.dealt(grid_of(bench).cells) if not plan.is_done(cell)]
    bench.folder.write_config(bench.config)  # what is there is of this configuration
    fresh = plan.without_lost(fresh)
    passes = _run(plan.embeddings(fresh), "embedding", each)
    fresh = plan.without_embedding(fresh, passes)
    _run([plan.job(cell) for cell in fresh], "cell", each)


def grid_of(bench: Bench) -> Grid:
    """The grid, as far as its backbones have been looked at."""
    looks = known_looks(bench)
    return make_grid(bench.config, {name: looked.reasons for name, looked in looks.items()})


def known_looks(bench: Bench) -> dict[str, BackboneFacts]:
    """What was found out about each backbone, if it was asked for as it is now."""
    looks = {}
    for name, job in bench.look_jobs().items():
        outcome = bench.folder.outcome(job.name)
        if outcome is not None and outcome.state == "done" and outcome.asked == job.hash:
            looks[name] = BackboneFacts(**outcome.facts)
    return looks


def here(jobs: Sequence[Job]) -> Iterator[tuple[Job, Outcome]]:
    """Jobs one after the other on this machine; those that another run is at come last."""
    waiting, busy = deque(jobs), 0
    while waiting:
        job = waiting.popleft()
        outcome = run_job(job)
        if outcome.state != "busy":
            busy = 0
            yield job, outcome
            continue
        waiting.append(job)
        busy += 1
        if busy >= len(waiting):
            time.sleep(WAIT)


def on_cluster(address: str) -> Each:
    """Jobs on the workers of a Dask cluster, which see BENCH and the cohort under these names."""
    from molre.workers import cluster

    def each(jobs: Sequence[Job]) -> Iterator[tuple[Job, Outcome]]:
        waiting = list(jobs)
        while waiting:
            again = []
            for job, found in cluster.each(run_job, waiting, (), address, LONGEST):
                if isinstance(found, RefusedScan):  # the worker itself has gone
                    found = Outcome("failed", f"its worker was lost ({found.what})")
                    write_outcome(job.file("json"), found)
                if found.state == "busy":
                    again.append(job)
                else:
                    yield job, found
            waiting = again
            if waiting:
                time.sleep(WAIT)

    return each


def _run(jobs: Sequence[Job], what: str, each: Each) -> dict[str, Outcome]:
    """Run jobs, saying how far it has come and what failed."""
    found, started = {}, time.monotonic()
    for number, (job, outcome) in enumerate(each(jobs), start=1):
        found[job.name] = outcome
        left = (time.monotonic() - started) / number * (len(jobs) - number)
        said = outcome.state if outcome.state == "done" else f"{outcome.state}: {outcome.reason}"
        more = f" (about {duration(left)} left)" if left > 60 else ""
        name = job.facts["choice"]["backbone"] if job.kind == "look" else job.name
        say(f"{what} {number} of {len(jobs)}, {name}: {said}{more}")
    return found


def duration(seconds: float) -> str:
    """In words, to one figure that matters."""
    if seconds > 5400:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
