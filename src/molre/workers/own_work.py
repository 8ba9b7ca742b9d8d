"""molre's own work in processes, with results in order.

These workers have no limits: they run what molre made itself, and one that dies ends the run. What
comes from outside is read by those of `molre.workers.pool`.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Literal, TypeVar

from molre.errors import MolreError
from molre.workers.main_script import refuse_unguarded_script

Item = TypeVar("Item")
Result = TypeVar("Result")

_shared: tuple[object, ...] = ()


def in_order(
    work: Callable[..., Result],
    items: Sequence[Item],
    shared: tuple[object, ...],
    workers: int,
    *,
    doing: str,
    ahead: int,
    start: Literal["fork", "spawn"],
) -> Generator[Result, None, None]:
    """Run ``work(item, *shared)`` for each item; yield results in the order of items.

    Args:
        work: importable by name.
        items: picklable.
        shared: further arguments, handed over once as a worker starts; forked workers share their
            memory.
        workers: processes, of one thread each.
        doing: what such a process does, for the error: ``embedding``.
        ahead: items that are worked on before the first of them is taken.
        start: ``fork`` shares memory and is not for a process that has used a device; ``spawn``
            starts from nothing.

    Raises:
        MolreError: a worker died.
        Exception: what ``work`` raised.
    """
    if start == "spawn":
        refuse_unguarded_script()
    context = multiprocessing.get_context(start)
    pool = ProcessPoolExecutor(min(workers, len(items)) or 1, context, _begin, (shared,))
    waiting = iter(items)
    try:
        running = deque(pool.submit(_run, work, item) for item in itertools.islice(waiting, ahead))
        while running:
            result = running.popleft().result()
            running.extend(pool.submit(_run, work, item) for item in itertools.islice(waiting, 1))
            yield result
    except BrokenProcessPool:
        raise MolreError(
            f"a process that was {doing} died, most likely for lack of memory",
            fix="run the same command again with fewer --workers",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(shared: tuple[object, ...]) -> None:
    """In the worker: one thread, and Ctrl-C is the parent's affair."""
    global _shared
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"  # of libraries that are yet to be imported
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _run(work: Callable[..., Any], item: object) -> Any:
    return work(item, *_shared)
