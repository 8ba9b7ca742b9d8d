"""How many processes are started where nobody says it: one for each core that may be used."""

from __future__ import annotations

import os

import pytest

from molre.errors import MolreError
from molre.workers.count import processes


def test_as_many_as_asked_else_one_a_core_that_this_process_may_use() -> None:
    assert processes(3) == 3
    allowed = os.sched_getaffinity(0)
    assert processes(None) == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert processes(None) == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_than_one_is_refused(workers: int) -> None:
    with pytest.raises(MolreError, match="workers"):
        processes(workers)
