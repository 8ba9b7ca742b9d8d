"""The work is `eval`, so that a worker can be told to misbehave without a module of its own."""

from __future__ import annotations

import pytest

from molre.cohort.pool import each
from molre.errors import MolreError, RefusedScan

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
