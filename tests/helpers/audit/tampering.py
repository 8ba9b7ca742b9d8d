"""A row of the table of tamperings, and whom it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import polars as pl

from molre.audit.audit import Checker
from molre.audit.check import FAIL, Check
from molre.audit.checks import reread as read_again
from tests.helpers.audit.scene import Scene

Look = Callable[[Scene], list[Check]]


@dataclass(frozen=True)
class Tampering:
    """A row: what is done, how, and which check comes out how.

    Attributes:
        what: in words, as the docs say it.
        how: does it to a copy.
        look: the checks that are asked.
        check: how the name of the one that finds it begins.
        outcome: of that check.
    """

    what: str
    how: Callable[[Scene], None]
    look: Look
    check: str
    outcome: str = FAIL


@cache
def at(checker: Checker) -> Look:
    """Ask one checker."""
    return lambda scene: scene.look(checker)


WRITTEN: Look = Scene.compare
OPENED: Look = Scene.opening
READ = at(partial(read_again.reread, studies=3, seed=1))


def cell(table: str, column: str, value: float) -> Callable[[Scene], None]:
    """Give the first number of a column another value."""

    def change(scene: Scene) -> None:
        rows = pl.int_range(pl.len())
        first = scene.run / f"{table}.parquet"
        place = pl.read_parquet(first)[column].is_not_null().arg_max()
        scene.table(
            table, pl.when(rows == place).then(value).otherwise(pl.col(column)).alias(column)
        )

    return change


def gone(name: str) -> Callable[[Scene], None]:
    """Delete a file of the run."""
    return lambda scene: (scene.run / name).unlink()
