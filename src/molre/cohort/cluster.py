"""Studies on a Dask cluster: the same function for each study, run elsewhere."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from molre.cohort.pool import AHEAD, sentence
from molre.errors import MolreError, RefusedScan

Item = TypeVar("Item")
Result = TypeVar("Result")

CONNECT_SECONDS = 20
TOOK_TOO_LONG = 75  # exit code of a worker that stops itself


def each(
    work: Callable[..., Result],
    items: Sequence[Item],
    common: tuple[object, ...],
    address: str,
    seconds: float,
) -> Generator[tuple[Item, Result | RefusedScan], None, None]:
    """Run ``work(item, *common)`` for each item on a cluster; as ``molre.cohort.pool.each``.

    Memory is limited by the cluster's own workers (``dask worker --memory-limit``). One that takes
    too long over an item ends itself and is started again by its nanny; so give it one thread
    (``--nthreads 1``), or it takes its other items with it.

    Args:
        work: importable by name on the workers, which have molre installed.
        items: picklable.
        common: further arguments, the same for all.
        address: of the scheduler, ``tcp://host:port``.
        seconds: limit for one item.

    Raises:
        MolreError: Dask is not installed, no scheduler is there, or it has gone.
    """
    client = _connect(address)
    try:
        ahead = AHEAD * max(1, sum(client.nthreads().values()))
        waiting: deque[tuple[Item, Any]] = deque()
        for item in items:
            future = client.submit(_watched, work, item, common, seconds, pure=False)
            waiting.append((item, future))
            if len(waiting) >= ahead:
                yield _finished(*waiting.popleft(), address, seconds)
        while waiting:
            yield _finished(*waiting.popleft(), address, seconds)
    finally:
        client.close()


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise MolreError(
            "needs Dask, which is not installed",
            where="--scheduler",
            fix="install it: pip install 'molre[cluster]'",
        ) from error
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise MolreError(
            f"no Dask scheduler answers ({type(error).__name__})",
            where=address,
            fix="start it (dask scheduler) and its workers (dask worker ADDRESS --nthreads 1)",
        ) from error


def _watched(
    work: Callable[..., Result], item: object, common: tuple[object, ...], seconds: float
) -> Result:
    """In the worker: a thread cannot be stopped from outside, so the process ends itself."""
    watchdog = threading.Timer(seconds, os._exit, (TOOK_TOO_LONG,))
    watchdog.daemon = True
    watchdog.start()
    try:
        return work(item, *common)
    finally:
        watchdog.cancel()


def _finished(item: Item, future: Any, address: str, seconds: float) -> tuple[Item, Any]:
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    try:
        return item, future.result()
    except KilledWorker as error:
        times = f"{error.allowed_failures + 1} times"
        return item, RefusedScan(
            f"reading crashed its process or took longer than {seconds:g} s, {times}",
            fix="the files are damaged: export again",
        )
    except (CancelledError, CommClosedError) as error:
        raise MolreError(
            "the Dask scheduler has gone; what was read is kept",
            where=address,
            fix="start it and run the same command again",
        ) from error
    except Exception as error:
        return item, sentence(error, seconds)
