"""Our own work in processes: results in order, one thread each, and a death that ends the run."""

from __future__ import annotations

import os
import signal

import pytest

from molre.errors import MolreError
from molre.workers.own_work import in_order


def timed(number: int, factor: int) -> int:
    return number * factor


def dies(number: int, at: int) -> int:
    if number == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def raises(number: int) -> int:
    raise MolreError(f"{number} cannot be done")


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_results_come_in_the_order_of_items(start: str) -> None:
    found = in_order(timed, range(7), (3,), 2, doing="counting", ahead=3, start=start)
    assert list(found) == [0, 3, 6, 9, 12, 15, 18]


def test_a_process_that_dies_ends_the_run_in_a_sentence() -> None:
    with pytest.raises(MolreError, match=r"was counting died.*fewer --workers"):
        list(in_order(dies, range(4), (2,), 2, doing="counting", ahead=4, start="fork"))


def test_an_error_of_the_work_comes_through() -> None:
    with pytest.raises(MolreError, match="0 cannot be done"):
        list(in_order(raises, range(4), (), 2, doing="counting", ahead=4, start="fork"))
