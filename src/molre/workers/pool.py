"""Studies in worker processes with limits: a hostile file kills its worker and nothing else."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor, wait
from typing import Any, TypeVar

from molre.errors import MolreError, RefusedScan, is_of_machine
from molre.workers.main_script import refuse_unguarded_script

Item = TypeVar("Item")
Result = TypeVar("Result")

MEMORY = 8 * 2**30  # bytes of address space a worker may map
SECONDS = 600.0  # a study may take
AHEAD = 8  # items waiting for each worker; more would only fill memory
MOST_BROKEN = 5  # times in a row
START = 60.0  # s that starting a worker may add to the limit of an item
LOOK = 1.0  # s between two looks at the workers


class Crashed(RefusedScan):
    """The process that worked on an item died; it may have been killed from outside."""


def each(
    work: Callable[..., Result],
    items: Sequence[Item],
    common: tuple[object, ...],
    workers: int,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Generator[tuple[Item, Result | RefusedScan], None, None]:
    """Run ``work(item, *common)`` for each item; yield item and result, in the order of items.

    Args:
        work: importable by name.
        items: picklable.
        common: further arguments, the same for all.
        workers: processes.
        seconds: limit for one item.
        memory: limit for one worker, bytes of address space.

    Yields:
        The item with what came back, or with the sentence that says why nothing did.

    Raises:
        MolreError: one that concerns the run, not the item (exit code 2).
        OSError, MemoryError: the machine failed, see ``molre.errors.is_of_machine``.
    """
    if not items:
        return
    refuse_unguarded_script()
    crew = _Crew(work, common, min(workers, len(items)), seconds, memory)
    try:
        for item in items:
            crew.begin(item)
            if len(crew.waiting) >= AHEAD * workers:
                yield crew.finish()
        while crew.waiting:
            yield crew.finish()
        crew.pool.close()
    except BaseException:
        crew.pool.stop()
        raise
    finally:
        crew.pool.join()


class _Crew:
    """Workers, and the items that they have been given; new workers where all have gone."""

    def __init__(
        self,
        work: Callable[..., Any],
        common: tuple[object, ...],
        workers: int,
        seconds: float,
        memory: int,
    ) -> None:
        self.work, self.common, self.seconds = work, common, seconds
        self.workers, self.memory = max(1, workers), memory
        self.waiting: deque[tuple[Any, Any]] = deque()
        self.broken = 0
        self.pool = self._pool()

    def _pool(self) -> Any:
        from pebble import ProcessPool

        return ProcessPool(
            max_workers=self.workers,
            initializer=_limit,
            initargs=(self.memory,),
            context=_context(),
        )

    def begin(self, item: Any) -> None:
        self.waiting.append((item, self._schedule(item)))

    def _schedule(self, item: Any) -> Any:
        """The future of an item; None where the pool is broken, which ``finish`` mends."""
        try:
            return self.pool.schedule(self.work, args=(item, *self.common), timeout=self.seconds)
        except RuntimeError:
            return None

    def finish(self) -> tuple[Any, Any]:
        """The first item and what came of it."""
        while not self._first_ends():
            self._renew()
        item, future = self.waiting.popleft()
        self.broken = 0
        error = future.exception()
        return item, future.result() if error is None else sentence(error, self.seconds)

    def _first_ends(self) -> bool:
        """Wait for the first item; False where nothing can come of it any more.

        A worker that dies between two items, or while it starts, can leave a future behind that
        nobody works on, and pebble does not say so.
        """
        _, first = self.waiting[0]
        end = time.monotonic() + self.seconds + START
        while first is not None and not first.done():
            if not self.pool.active or self._is_overtaken() or time.monotonic() > end:
                return False
            wait([first], timeout=LOOK)
        return first is not None and _is_finished(first)

    def _is_overtaken(self) -> bool:
        """Workers take items in order: one that is passed over was lost with its worker."""
        (_, first), *later = self.waiting
        begun = any(f is not None and (f.running() or f.done()) for _, f in later)
        return begun and not (first.running() or first.done())

    def _renew(self) -> None:
        """Start another pool for what has not ended: the workers of this one are lost."""
        self.broken += 1
        if self.broken > MOST_BROKEN:
            raise MolreError(
                "the worker processes die as soon as they are started",
                where="--workers",
                fix="free memory, or use fewer workers; what was read is kept",
            )
        self.pool.stop()
        self.pool.join()
        self.pool = self._pool()
        self.waiting = deque(
            (item, future if future and _is_finished(future) else self._schedule(item))
            for item, future in self.waiting
        )


def _context() -> Any:
    """On Linux a server imports what workers need once, and forks them; elsewhere each imports it.

    The server is a process of its own without threads of molre's: what the parent has started
    (polars, torch) is not forked.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["molre.cohort.studies", "scipy.ndimage"])
    return context


def _is_finished(future: Any) -> bool:
    return (
        future.done()
        and not future.cancelled()
        and not isinstance(future.exception(), BrokenExecutor)
    )


def _limit(memory: int) -> None:
    """In the worker: Ctrl-C is the parent's affair, and memory has an end."""
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):  # a lower limit is set already
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def sentence(error: Exception, seconds: float) -> RefusedScan:
    """Why an item failed, as a row of rejects.csv; errors of the whole run go on upwards."""
    from pebble import ProcessExpired

    if isinstance(error, RefusedScan):
        return error
    if isinstance(error, MolreError) or _ends_the_run(error):
        raise error
    if isinstance(error, TimeoutError):
        return RefusedScan(f"reading took longer than {seconds:g} s", fix="check the files")
    if isinstance(error, ProcessExpired):
        return _crashed(error)
    if isinstance(error, MemoryError):
        return RefusedScan("reading needs too much memory", fix="check the files")
    # Only the kind of error: its text may quote the header.
    return RefusedScan(
        f"could not be read ({type(error).__name__})",
        fix="export it again; if that does not help, molre.read(path) shows the whole error",
    )


def _ends_the_run(error: Exception) -> bool:
    """A fault of the machine; a study that needs more than a worker may map is one of its own."""
    if isinstance(error, MemoryError):
        return _has_a_limit_of_its_own()
    return is_of_machine(error)


def _has_a_limit_of_its_own() -> bool:
    """Whether this process, and so its workers, may map less than a worker is granted."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return 0 <= limit < MEMORY


def _crashed(error: Any) -> Crashed:
    if error.exitcode == -signal.SIGKILL:
        return Crashed(
            "the system killed the process that read it, probably for lack of memory",
            fix="free memory or use fewer workers, and run it again",
        )
    return Crashed("reading crashed its process", fix="the files are damaged: export again")
