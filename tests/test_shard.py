"""Part i of n: counted from 1, every item in one part, and nothing else is a part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.errors import MolreError
from molre.shard import Shard


@given(st.integers(1, 9), st.integers(0, 30))
def test_every_item_is_in_one_part(count: int, items: int) -> None:
    parts = [Shard(i + 1, count) for i in range(count)]
    dealt = [item for part in parts for item in part.dealt(range(items))]
    assert sorted(dealt) == list(range(items))
    assert all(sum(part.has(item) for part in parts) == 1 for item in range(items))


def test_a_text_two_numbers_and_a_part_mean_the_same_and_nothing_is_the_whole() -> None:
    part = Shard(3, 8)
    assert Shard.of("3/8") == Shard.of((3, 8)) == Shard.of(part) == part
    assert Shard.of(None).is_whole
    assert Shard.of("1/1").is_whole
    assert not part.is_whole


WRONG = ["0/3", "4/3", "1", "", "a/b", "1/0", "-1/2", "1/2/3", "1/" + "9" * 5000]


@pytest.mark.parametrize("given", [*WRONG, (0, 4), (5, 4), (1,), (1, 2, 3), (1.0, 2), (True, 2)])
def test_what_is_not_a_part_is_refused(given) -> None:
    with pytest.raises(MolreError, match="is not a shard"):
        Shard.of(given)
