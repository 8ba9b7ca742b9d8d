"""A job in a process of its own, which can crash without taking others down.

The job goes to the process as JSON on its standard input; its outcome comes back in a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from molre import files

BUSY = 75  # exit code: another run is at this job
ATTEMPTS = 2
LAST_WORDS = 4  # seconds between a polite and a final signal
State = Literal["done", "failed", "not applicable", "busy"]


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        state: ``busy`` while another run is at it.
        reason: one sentence where it failed or is not applicable.
        attempts: processes that tried.
        facts: what it found or measured.
        asked: hash of the job it is the outcome of.
    """

    state: State
    reason: str = ""
    attempts: int = 1
    facts: dict[str, Any] = field(default_factory=dict)
    asked: str = ""


@dataclass(frozen=True)
class Job:
    """What a process is asked to do.

    Attributes:
        program: module that does it, run as ``python -m``.
        kind: which of the things that this module can do.
        name: of its files.
        state: folder of these files.
        facts: JSON values that the kind needs.
        attempts: processes that may try it.
    """

    program: str
    kind: str
    name: str
    state: str
    facts: dict[str, Any] = field(default_factory=dict)
    attempts: int = ATTEMPTS

    def file(self, ending: str) -> Path:
        """One of its files."""
        return Path(self.state) / f"{self.name}.{ending}"

    @property
    def hash(self) -> str:
        """Of what is asked."""
        text = json.dumps([self.kind, self.facts], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_outcome(path: Path) -> Outcome | None:
    """An outcome as :func:`write_outcome` left it, or None."""
    try:
        return Outcome(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_outcome(path: Path, outcome: Outcome) -> None:
    """Keep what became of a job."""
    files.write_text(path, json.dumps(asdict(outcome), indent=2) + "\n")


def run_job(job: Job) -> Outcome:
    """Do a job in a fresh process, and once more in another where the first fails.

    Args:
        job: picklable, so that a cluster's worker can be asked for it.

    Returns:
        what became of it; also kept in the job's ``.json``.
    """
    outcome = Outcome("failed")
    for attempt in range(1, job.attempts + 1):
        code = _process(job, attempt)
        if code == BUSY:
            return Outcome("busy")
        found = read_outcome(job.file("json")) if code == 0 else None
        outcome = replace(found or _died(code, job), attempts=attempt, asked=job.hash)
        write_outcome(job.file("json"), outcome)
        if outcome.state != "failed":
            break
    return outcome


def _process(job: Job, attempt: int) -> int:
    """Exit code of one process, which leads a group of its own: embedding has workers."""
    job.file("log").parent.mkdir(parents=True, exist_ok=True)
    with open(job.file("log"), "wb" if attempt == 1 else "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", job.program],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            return _wait(process, json.dumps(asdict(job)).encode())
        except BaseException:  # Ctrl-C is for the whole family
            _stop(process)
            raise


def _wait(process: subprocess.Popen[bytes], asked: bytes) -> int:
    """Give the process its job; its exit code.

    Waits in short turns: polars installs a signal handler after which the system goes on with an
    interrupted wait by itself, so that a single long one would never see Ctrl-C.
    """
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(asked)
    while True:
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(LAST_WORDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _died(code: int, job: Job) -> Outcome:
    log = job.file("log")
    if code < 0:
        name = signal.Signals(-code).name
        return Outcome(
            "failed", f"its process was killed ({name}): out of memory, or from outside; see {log}"
        )
    return Outcome("failed", f"its process ended with code {code} and no message; see {log}")
