"""Rows of an audit: what they come out as, and how much of what was found they say."""

from __future__ import annotations

import pytest

from molre.audit.check import DATA, FAIL, FLAG, NUMBERS, PASS, SHOWN, Check, compared, flagged


@pytest.mark.parametrize(("make", "odd"), [(compared, FAIL), (flagged, FLAG)])
def test_the_first_of_what_was_found_are_said_and_the_others_counted(make, odd):
    assert make(DATA, "a check", 1200, []).outcome == PASS
    found = [f"study {i}" for i in range(SHOWN + 2)]
    check = make(DATA, "a check", 1200, found)
    assert (check.group, check.name, check.outcome) == (DATA, "a check", odd)
    assert check.found.startswith(f"{SHOWN + 2} ")
    assert "1,200" in check.found
    assert check.found.endswith("study 0; study 1; study 2; and 2 more")


def test_what_was_looked_at_is_said():
    assert flagged(NUMBERS, "cells", 5, [], "cells") == Check(
        NUMBERS, "cells", PASS, "none among 5 cells"
    )
    assert compared(NUMBERS, "values", 5, []).found == "5 values agree"
