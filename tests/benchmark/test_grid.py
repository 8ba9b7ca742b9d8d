"""Cells, shards and what is not applicable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.benchmark.grid import make_grid, slug
from molre.errors import MolreError
from molre.shard import Shard
from tests.helpers.benchmark.small_bench import config


def test_cells_are_all_combinations_and_what_cannot_be_is_none() -> None:
    placements = {"slice": {"arms": "all"}, "blocks": {"arms": ["frozen", "molre", "mlp_matched"]}}
    reasons = {"efficientnet_lite0": {"blocks": {"molre": "over the budget"}}}
    grid = make_grid(config(placements=placements, seeds=[0, 1]), reasons)
    assert len(grid.cells) == 2 * (5 + 1)
    assert {(n.arm, n.reason) for n in grid.not_applicable} == {
        ("molre", "over the budget"),
        ("mlp_matched", "there is no arm mlp_matched at placement blocks"),
    }
    assert not {(c.placement, c.arm) for c in grid.cells} & {
        (n.placement, n.arm) for n in grid.not_applicable
    }


def test_a_grid_of_nothing_is_refused() -> None:
    chosen = config(placements={"blocks": {"arms": ["mlp_matched"]}})
    with pytest.raises(MolreError, match="no combination"):
        make_grid(chosen, {})


@given(st.integers(1, 9))
def test_shards_deal_every_cell_once(count: int) -> None:
    grid = make_grid(config(seeds=[0, 1, 2]), {})
    dealt = [cell for i in range(count) for cell in Shard(i + 1, count).dealt(grid.cells)]
    assert sorted(c.name for c in dealt) == sorted(c.name for c in grid.cells)


@given(st.lists(st.text("aA1:/_-.", min_size=1, max_size=8), unique=True))
def test_different_backbones_have_different_file_names(names: list[str]) -> None:
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert not any("/" in s or s.startswith(".") for s in slugs)
