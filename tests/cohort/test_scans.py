from __future__ import annotations

import pytest

from molre.cohort.keys import shifted
from molre.cohort.scans import SCHEMA, table
from molre.ct.volume import shown_age


@pytest.mark.parametrize(
    ("age", "shown"), [(None, None), (45.5, 45.5), (89, 89), (90, 90), (97, 90)]
)
def test_ages_above_89_become_90(age: float | None, shown: float | None):
    assert shown_age(age) == shown


def test_dates_move_by_whole_days_and_what_is_no_date_becomes_none():
    assert shifted("20240228", 2) == "2024-03-01"
    assert shifted("20240301", -1) == "2024-02-29"
    assert [shifted(d, 3) for d in (None, "", "2024", "20241399", "00010101")] == [None] * 4 + [
        "0001-01-04"
    ]
    assert shifted("00010101", -3) is None


def test_rows_come_out_in_one_order_with_the_whole_schema():
    rows = [{"study": s, "series": t} for s, t in ("ba", "ab", "aa")]
    made, other = table(rows), table(reversed(rows))
    assert made.equals(other)
    assert made.schema == SCHEMA
    assert table([]).schema == SCHEMA
