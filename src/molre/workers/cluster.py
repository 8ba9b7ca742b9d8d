"""Studies on a Dask cluster: the same function for each study, run elsewhere.

Dask itself waits forever for workers and schedulers that do not come back; here every wait ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import molre
from molre.errors import MolreError, RefusedScan
from molre.workers.pool import AHEAD, START, Crashed, sentence

Item = TypeVar("Item")
Result = TypeVar("Result")

CONNECT_SECONDS = 20
LOOK = 5.0  # s between two looks at the cluster
SILENT = 120.0  # s that a scheduler may take to answer; a busy one takes seconds
WITHOUT_WORKERS = 300.0  # s that there may be none: they are being started
DEATHS = 4  # of workers over an item before Dask gives it up, by default
TOOK_TOO_LONG = 75  # exit code of a worker that stops itself
LAST_WORDS = 5.0  # s that it has to say so


def each(
    work: Callable[..., Result],
    items: Sequence[Item],
    common: tuple[object, ...],
    address: str,
    seconds: float,
) -> Generator[tuple[Item, Result | RefusedScan], None, None]:
    """Run ``work(item, *common)`` for each item on a cluster; as ``molre.workers.pool.each``.

    Memory is limited by the cluster's own workers (``dask worker --memory-limit``). One that takes
    too long over an item ends itself and is started again by its nanny; so give it one thread
    (``--nthreads 1``), or it takes its other items with it.

    Args:
        work: importable by name on the workers, which have the same molre installed.
        items: picklable.
        common: further arguments, the same for all.
        address: of the scheduler, ``tcp://host:port``.
        seconds: limit for one item.

    Raises:
        MolreError: Dask is not installed, no scheduler is there, or it has gone; no workers are
            there, or they have another molre.
    """
    if not items:
        return
    with _quiet():
        crew = _Crew(work, common, address, seconds)
        left = deque(items)
        try:
            while left or crew.waiting:
                while left and crew.has_room():
                    crew.begin(left.popleft())
                yield from crew.finish()
                if crew.waiting and not (left and crew.has_room()):
                    crew.wait()
        finally:
            crew.close()


def reach(address: str) -> None:
    """Connect to a scheduler and leave it again: before anything is thrown away for it.

    Raises:
        MolreError: Dask is not installed, or no scheduler is there.
    """
    with _quiet():
        _connect(address).close()


@dataclass
class _Given:
    """An item that the cluster has, and what came of it."""

    item: Any
    future: Any
    found: Any = None
    ended: bool = False


class _Crew:
    """The workers of a cluster, and the items that they have been given."""

    def __init__(
        self, work: Callable[..., Any], common: tuple[object, ...], address: str, seconds: float
    ) -> None:
        self.work, self.common, self.address, self.seconds = work, common, address, seconds
        self.waiting: deque[_Given] = deque()
        self.ended = threading.Event()
        self.client = _connect(address)
        self.threads, self.looked = 0, -LOOK
        self.came = self.manned = time.monotonic()
        self._look()

    def has_room(self) -> bool:
        """Whether a thread is free.

        No more items than threads: those that wait behind one that kills its worker would share
        the blame.
        """
        threads = max(1, self.threads)
        busy = sum(not given.ended and not given.future.done() for given in self.waiting)
        return busy < threads and len(self.waiting) < AHEAD * threads

    def begin(self, item: Any) -> None:
        """Give an item to the cluster."""
        given = (self.work, item, self.common, self.seconds, molre.__version__)
        try:
            future = self.client.submit(_watched, *given, pure=False)
        except Exception as error:
            if self.client.status == "running":
                raise  # what was given, not the cluster
            raise self._gone() from error
        future.add_done_callback(lambda _: self.ended.set())
        self.waiting.append(_Given(item, future))

    def finish(self) -> Iterator[tuple[Any, Any]]:
        """What has ended, in the order of items."""
        self.ended.clear()
        for given in self.waiting:
            if not given.ended and given.future.done():
                self._take(given)
        while self.waiting and self.waiting[0].ended:
            first = self.waiting.popleft()
            yield first.item, first.found

    def _take(self, given: _Given) -> None:
        """Fetch a result at once: it would go with the worker that has it."""
        future = given.future
        if future.status == "finished":
            try:
                given.found = future.result(timeout=LOOK)
            except Exception:  # it went with its worker, or the scheduler: the status will say
                return
        elif future.status == "error":
            given.found = self._said(future.exception(timeout=SILENT))
        elif future.status == "cancelled":
            raise self._gone()
        else:  # lost with its worker just now, and run again
            return
        given.ended, given.future, self.came = True, None, time.monotonic()

    def wait(self) -> None:
        """Until something ends, or it is time to look whether anything can.

        Raises:
            MolreError: nothing can.
        """
        self.ended.wait(LOOK)
        if time.monotonic() > self.looked + LOOK:
            self._look()

    def close(self) -> None:
        """Leave the cluster; it forgets what has not been begun."""
        with contextlib.suppress(Exception):  # a scheduler that is gone
            self.client.close(timeout=LOOK)

    def _look(self) -> None:
        now = time.monotonic()
        try:
            if self.client.status != "running":
                raise ConnectionError
            cores = self.client.sync(self.client.scheduler.ncores, callback_timeout=SILENT)
        except (OSError, TimeoutError, AttributeError) as error:
            raise self._gone() from error
        self.threads, self.looked = sum(cores.values()), time.monotonic()
        self.manned = now if self.threads else self.manned
        if now > self.manned + WITHOUT_WORKERS:
            raise MolreError(
                f"the Dask cluster has had no workers for {WITHOUT_WORKERS:g} s; finished work is "
                "kept",
                where=self.address,
                fix=f"start some where molre is installed (dask worker {self.address} --nthreads "
                "1) and run the same command again",
            )
        if now > self.came + DEATHS * (self.seconds + START):
            raise MolreError(
                f"the Dask cluster has returned nothing for {now - self.came:.0f} s; finished "
                "work is kept",
                where=self.address,
                fix="check whether other jobs keep its workers busy, then run it again",
            )

    def _gone(self) -> MolreError:
        return MolreError(
            "the Dask scheduler is gone; finished work is kept",
            where=self.address,
            fix="start it and run the same command again",
        )

    def _said(self, error: Exception) -> RefusedScan:
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return Crashed(
                f"its process crashed {error.allowed_failures + 1} times",
                fix="the files are damaged: export again",
            )
        if _lacks_molre(error):
            raise MolreError(
                "a machine of the Dask cluster has no molre, or another version of it",
                where=self.address,
                fix=f"install molre {molre.__version__} where the scheduler and workers run",
            ) from error
        if isinstance(error, TimeoutError):
            return RefusedScan(f"it took longer than {self.seconds:g} s", fix="check the files")
        return sentence(error, self.seconds)


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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask logs a page for each thing that is said here in one sentence."""
    with contextlib.suppress(ImportError):
        import distributed  # noqa: F401 - sets levels of its own when it is imported first
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _lacks_molre(error: Exception) -> bool:
    """Whether an item could not even be unpacked where it was sent."""
    if isinstance(error, ImportError):
        return (error.name or "").split(".")[0] == "molre"
    unpacked = isinstance(error, RuntimeError) and "deserialization of the task graph" in str(error)
    return unpacked or isinstance(error, OtherVersion)


class OtherVersion(Exception):
    """The worker's molre is not the one that asks."""


def _watched(
    work: Callable[..., Result],
    item: object,
    common: tuple[object, ...],
    seconds: float,
    version: str,
) -> Result:
    """In the worker: a thread cannot be stopped from outside, so the process ends itself."""
    if version != molre.__version__:
        raise OtherVersion(molre.__version__)
    found: list[Result] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            found.append(work(item, *common))
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        leaving = threading.Timer(LAST_WORDS, os._exit, (TOOK_TOO_LONG,))
        leaving.daemon = True
        leaving.start()
        raise TimeoutError  # reaches the scheduler first, which would else try again
    if raised:
        raise raised[0]
    return found[0]
