"""Two versions of the same values: what differs is found, and said by its place."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.audit.differences import (
    line_differences,
    mapping_differences,
    nested_differences,
    table_differences,
)

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=80)
NESTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("stored", "again", "said"),
    [
        ({"macro_interval": "0.8"}, {"macro_interval": "0.7"}, "macro_interval is 0.8, recompu"),
        ({"a": [{"name": "x_y", "b": 1}]}, {"a": [{"name": "x_y", "b": 2}]}, "a, x_y, b is 1, "),
        ({"a": [1, 2]}, {"a": [1, 3]}, "a, number 2 is 2, recomputed 3"),
        ({"a": [1]}, {"a": [1, 3]}, "a has 1 entries, recomputed 2"),
        ({}, {"a": {"b": 1}}, "a is missing"),
        ({"a": None}, {}, "a is not expected"),
        ({"a": {"b": 1}}, {"a": None}, "a is {'b': 1}, recomputed empty"),
    ],
)
def test_a_difference_is_named_by_its_place(stored, again, said):
    (found,) = nested_differences(stored, again)
    assert found.startswith(said)


@given(NESTS)
def test_nothing_differs_from_itself(nest):
    assert nested_differences(nest, nest) == []


@given(NESTS, NESTS)
def test_nests_that_are_not_equal_differ(one, other):
    assert bool(nested_differences(one, other)) == (one != other)


def test_of_a_long_text_the_place_that_differs_is_shown():
    old = "<svg>" + "M 0 1 " * 400 + "L 7.5" + " Z" * 400
    (found,) = nested_differences({"forest": old}, {"forest": old.replace("7.5", "9.5")})
    assert "L 7.5 Z" in found
    assert "L 9.5 Z" in found
    assert len(found) < 250


def test_lines_are_named_by_their_number():
    assert line_differences("a\nb\n", "a\nc\n") == ["line 2 is b, recomputed c"]
    assert line_differences("a\n", "a\nb\n") == ["1 lines, recomputed 2"]
    assert line_differences("a\r\n", "a\n") == ["its line ends differ"]
    assert line_differences("a\n", "a\n") == []


def test_numbers_agree_to_the_tolerance_and_nothing_is_nothing():
    assert mapping_differences({"a": 1.0, "b": None}, {"a": 1.0 + 1e-12, "b": math.nan}) == []
    (found,) = mapping_differences({"a": {"b": 1.0}}, {"a": {"b": 1.0 + 1e-6}})
    assert found == "a.b is 1.0, recomputed 1.000001"


def test_cells_of_a_table_are_named_by_the_keys_of_their_row():
    stored = pl.DataFrame({"finding": ["a", "b"], "auc": [0.8, 0.9]})
    again = stored.with_columns(auc=pl.Series([0.8, 0.7]))
    assert table_differences(stored, again, ["finding"]) == ["b auc is 0.9, recomputed 0.7"]
    assert table_differences(stored, again.head(1)) == ["2 rows, recomputed 1"]
    assert table_differences(stored, again.drop("auc")) == ["columns differ: auc"]
