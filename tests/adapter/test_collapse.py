"""Collapse: what a loop over full weight updates says of the experts, and where the limits lie."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from molre.adapter.collapse import (
    ALIKE,
    COLLAPSE_LOAD,
    collapsed,
    least_similar,
    update_similarity,
)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 7), st.integers(1, 7), st.integers(0))
def test_similarity_is_the_cosine_of_the_full_updates(experts, r, d_in, d_out, seed) -> None:
    generator = torch.Generator().manual_seed(seed % 2**31)
    a = torch.randn(experts * r, d_in, generator=generator)
    b = torch.randn(d_out, experts * r, generator=generator)
    updates = [b[:, e * r : (e + 1) * r] @ a[e * r : (e + 1) * r] for e in range(experts)]
    flat = torch.stack(updates).flatten(1).double()
    expected = nn.functional.cosine_similarity(flat[:, None], flat[None], dim=-1).float()
    similarity = update_similarity(a, b, experts)
    torch.testing.assert_close(similarity, expected, atol=1e-4, rtol=0)
    assert least_similar(similarity) == pytest.approx(float(expected.min()), abs=1e-4)


def test_equal_experts_are_alike_and_fresh_ones_are_not() -> None:
    a, b = torch.randn(2, 16), torch.randn(9, 2)
    same = update_similarity(a.repeat(3, 1), b.repeat(1, 3), 3)
    assert least_similar(same) > ALIKE
    assert least_similar(update_similarity(torch.randn(6, 16), torch.zeros(9, 6), 3)) == 0


def test_one_that_differs_is_enough_to_route_to() -> None:
    a, b = torch.randn(2, 16), torch.randn(9, 2)
    two = update_similarity(a.repeat(3, 1), torch.cat([b, b, -b], 1), 3)
    assert least_similar(two) == pytest.approx(-1)


def test_the_limit_of_the_load_is_where_it_is_said() -> None:
    below = torch.tensor([[COLLAPSE_LOAD - 0.001, 1 - COLLAPSE_LOAD + 0.001]])
    above = torch.tensor([[COLLAPSE_LOAD + 0.001, 1 - COLLAPSE_LOAD - 0.001]])
    assert not collapsed(below)
    assert collapsed(above)
    assert not collapsed(torch.cat([above, above.flip(1)]))  # each takes its own inputs
