"""The work is `eval`, so that a worker can be told to misbehave without a module of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from molre.errors import MolreError, RefusedScan
from molre.workers.pool import Crashed, each

REFUSE = "(_ for _ in ()).throw(__import__('molre.errors').errors.{}('no', where='f', fix='x'))"


def test_bad_items_become_sentences_and_the_others_go_on():
    items = [
        "1 + 1",
        "__import__('os')._exit(3)",
        "__import__('time').sleep(60)",
        "bytearray(2**40)",
        "{}['PATIENT^NAME']",
        REFUSE.format("RefusedScan"),
        "2 + 2",
    ]
    found = list(each(eval, items, (), workers=2, seconds=3))
    assert [item for item, _ in found] == items
    results = [result for _, result in found]
    assert (results[0], results[-1]) == (2, 4)
    said = [r.what for r in results if isinstance(r, RefusedScan)]
    assert said == [
        "reading crashed its process",
        "reading took longer than 3 s",
        "reading needs too much memory",
        "could not be read (KeyError)",
        "no",
    ]


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (REFUSE.format("MolreError"), MolreError),
        ("open('/dev/full', 'w').write('x' * 9999)", OSError),
    ],
)
def test_what_concerns_the_whole_run_stops_it(work: str, kind: type[Exception]):
    with pytest.raises(kind):
        list(each(eval, [work, "1"], (), workers=1))


def test_nothing_to_do_is_done():
    assert list(each(eval, [], (), workers=2)) == []


@pytest.mark.parametrize("age", [0.0, 0.01, 0.05, 0.2])
def test_a_worker_killed_while_it_starts_loses_nothing(age: float):
    """Without a look at the pool, an item that no worker was given is waited for for ever."""
    for _ in range(3):
        done = threading.Event()
        killer = threading.Thread(target=_kill_the_first_worker, args=(age, done))
        killer.start()
        try:
            found = [result for _, result in each(eval, [f"{i}" for i in range(20)], (), 1)]
        finally:
            done.set()
            killer.join()
        crashed = [result for result in found if isinstance(result, Crashed)]
        assert len(crashed) <= 1, "only the item that a worker had begun"
        assert all(result == i for i, result in enumerate(found) if result not in crashed)


def _kill_the_first_worker(age: float, done: threading.Event) -> None:
    """As soon as the system lists it, which is before multiprocessing does; then ``age`` s."""
    while not done.is_set():
        for worker in (w for server in _children(os.getpid()) for w in _children(server)):
            with contextlib.suppress(OSError):
                time.sleep(age)
                os.kill(worker, signal.SIGKILL)
                return


def _children(parent: int) -> list[int]:
    """Processes below one that are multiprocessing's server, or forked from it."""
    found: list[int] = []
    for thread in Path(f"/proc/{parent}/task").glob("*"):
        with contextlib.suppress(OSError):  # the thread has ended
            found += map(int, (thread / "children").read_text().split())
    return [pid for pid in found if b"forkserver" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
