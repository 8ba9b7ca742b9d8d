"""``python -m molre.benchmark.job_process``: does one job that comes as JSON on standard input.

It holds the job's lock as long as it lives, so that two runs on one BENCH share the work; and it
ends, with its workers, when the run that started it is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from molre.errors import MolreError, NotApplicable
from molre.workers.job import BUSY, Job, Outcome, read_outcome, write_outcome

PROGRAM = "molre.benchmark.job_process"  # this module, as a job names it


def main() -> int:
    """Do the job; 0 where its outcome, good or bad, is on disk."""
    _end_with(os.getppid())
    job = Job(**json.load(sys.stdin))
    lock = os.open(job.file("lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return BUSY
    if _is_done(job):
        return 0
    job.file("json").unlink(missing_ok=True)
    write_outcome(job.file("json"), do(job))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    print(f"{seconds:.1f} s of processor time", file=sys.stderr)  # noqa: T201 - the log
    return 0


def _is_done(job: Job) -> bool:
    """Whether another run has finished this cell while this one waited for it."""
    from molre.runs.folder import RunFolder

    found = read_outcome(job.file("json"))
    same = found is not None and found.state == "done" and found.asked == job.hash
    return same and job.kind == "cell" and RunFolder(Path(job.facts["run"])).is_whole


def do(job: Job) -> Outcome:
    """Do a job in this process; whatever it raises is an outcome."""
    from molre.benchmark import job_kinds as work

    try:
        return Outcome("done", facts=work.DO[job.kind](job.facts))
    except NotApplicable as error:
        return Outcome("not applicable", error.what)
    except MolreError as error:
        print(error.message, file=sys.stderr)  # noqa: T201 - the log
        return Outcome("failed", error.message)
    except Exception as error:
        traceback.print_exc()
        return Outcome("failed", f"{type(error).__name__}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")[:300]


def _end_with(parent: int) -> None:
    """A run that is killed cannot say goodbye: notice it, and take the workers along."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _leave(code: int) -> Any:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # whatever threads a library has left behind


if __name__ == "__main__":
    try:
        _leave(main())
    except KeyboardInterrupt:
        _leave(130)
