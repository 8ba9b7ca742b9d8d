"""A progress bar on anything over two seconds, on stderr, silent where stderr is not a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` under a progress bar that says ``what`` is being done.

    Args:
        items: anything iterable.
        what: e.g. ``"reading studies"``.
        total: number of items where ``items`` has no length.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    if total is None and isinstance(items, Sized):
        total = len(items)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        for item in items:
            yield item
            bar.advance(task)


def say(sentence: str) -> None:
    """One sentence on stderr that a user must see before a long part begins."""
    from rich.console import Console

    Console(stderr=True, highlight=False).print(sentence, markup=False)
