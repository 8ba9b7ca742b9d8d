"""Two runs on one cohort: they may read studies side by side, but write its tables in turn."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def sharing(folder: Path) -> Iterator[int]:
    """Hold COHORT/lock together with other runs; yields its descriptor for ``is_alone``."""
    with _opened(folder / "lock") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield descriptor


def is_alone(descriptor: int) -> bool:
    """Whether no other run is at work on the cohort; if so, none can begin until this one ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return False
    return True


@contextlib.contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Wait until no other run writes the tables of the cohort."""
    with _opened(folder / "state" / "lock") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # gives the lock back
