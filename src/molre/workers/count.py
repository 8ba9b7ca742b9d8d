"""How many processes a verb starts, by one rule: as many as requested, else one per core."""

from __future__ import annotations

import os

from molre.errors import MolreError


def processes(workers: int | None) -> int:
    """As many as asked, else one for each core that this process may use.

    Raises:
        MolreError: fewer than one are asked for.
    """
    if workers is None:
        allowed = getattr(os, "sched_getaffinity", None)  # of Linux; a job may have fewer than all
        return len(allowed(0)) if allowed else os.cpu_count() or 1
    if workers < 1:
        raise MolreError(f"{workers} workers", where="--workers", fix="use one or more")
    return workers
