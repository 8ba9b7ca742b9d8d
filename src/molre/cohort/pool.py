"""Studies in worker processes with limits: a hostile file kills its worker and nothing else."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from molre.errors import MolreError, RefusedScan

Item = TypeVar("Item")
Result = TypeVar("Result")

MEMORY = 8 * 2**30  # bytes of address space a worker may map
SECONDS = 600.0  # a study may take


def each(
    work: Callable[..., Result],
    items: Sequence[Item],
    common: tuple[object, ...],
    workers: int,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Iterator[tuple[Item, Result | RefusedScan]]:
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
        OSError: the disk is full.
    """
    from pebble import ProcessPool

    context = multiprocessing.get_context("spawn")
    pool = ProcessPool(
        max_workers=max(1, min(workers, len(items))),
        initializer=_limit,
        initargs=(memory,),
        context=context,
    )
    try:
        futures = [pool.schedule(work, args=(i, *common), timeout=seconds) for i in items]
        for item, future in zip(items, futures, strict=True):
            try:
                yield item, future.result()
            except Exception as error:
                yield item, _sentence(error, seconds)
        pool.close()
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()


def _limit(memory: int) -> None:
    """In the worker: Ctrl-C is the parent's affair, and memory has an end."""
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):  # a lower limit is set already
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _sentence(error: Exception, seconds: float) -> RefusedScan:
    """Why an item failed, as a row of rejects.csv; errors of the whole run go on upwards."""
    from pebble import ProcessExpired

    if isinstance(error, RefusedScan):
        return error
    if isinstance(error, MolreError) or getattr(error, "errno", None) == errno.ENOSPC:
        raise error
    if isinstance(error, TimeoutError):
        return RefusedScan(f"reading took longer than {seconds:g} s", fix="check the files")
    if isinstance(error, ProcessExpired):
        return RefusedScan("reading crashed its process", fix="the files are damaged: export again")
    if isinstance(error, MemoryError):
        return RefusedScan("reading needs too much memory", fix="check the files")
    # Only the kind of error: its text may quote the header.
    return RefusedScan(
        f"could not be read ({type(error).__name__})",
        fix="export it again; if that does not help, molre.read(path) shows the whole error",
    )
