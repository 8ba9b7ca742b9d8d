"""Prefetch: the next items are made in a thread while the current one is used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")

DEPTH = 2  # items made before they are asked for
LARGE = 256 * 2**20  # bytes; items larger than this are made only when they are asked for


def prefetch(items: Iterator[T], size: Callable[[T], int]) -> Iterator[T]:
    """The same items in the same order; large ones are not held in memory before their turn.

    What goes wrong while an item is made is raised when it is asked for.

    Args:
        items: used up in a thread.
        size: bytes of an item.
    """
    made: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
    wanted = threading.Semaphore(0)
    left = threading.Event()  # nobody asks any more

    def make() -> None:
        try:
            for item in _on_demand(items, wanted, left):
                made.put((item, None))
            made.put((None, None))
        except BaseException as error:
            made.put((None, error))

    threading.Thread(target=make, daemon=True).start()
    deep = False
    try:
        while True:
            wanted.release()
            item, error = made.get()
            if error is not None:
                raise error
            if item is None:
                return
            if not deep and size(item) <= LARGE:
                wanted.release(DEPTH)
                deep = True
            yield item
    finally:
        left.set()
        wanted.release()


def _on_demand(
    items: Iterator[T], wanted: threading.Semaphore, left: threading.Event
) -> Iterator[T]:
    while True:
        wanted.acquire()
        if left.is_set():
            return
        item = next(items, None)
        if item is None:
            return
        yield item
