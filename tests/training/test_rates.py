"""A search of learning rates ends with a worse neighbor on either side of its best, or says so."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from molre.training.rates import HIGHEST, LOWEST, at_edge, best_rate, next_rate

GRID = (3e-4, 1e-3, 3e-3)


def search(score, grid=GRID, most: int = 8) -> dict[float, float]:
    """Every rate that is tried of a model whose tune AUC is a function of the rate."""
    scores = {rate: score(rate) for rate in grid}
    while (rate := next_rate(scores, most)) is not None:
        assert rate not in scores
        scores[rate] = score(rate)
    return scores


def peak(at: float):
    """A tune AUC with one peak, in the logarithm of the rate."""
    return lambda rate: 0.9 - 0.05 * abs(math.log10(rate / at))


def test_a_peak_inside_the_grid_needs_no_more() -> None:
    assert sorted(search(peak(1e-3))) == list(GRID)
    assert not at_edge(search(peak(1e-3)))


def test_a_better_rate_above_or_below_is_found() -> None:
    above, below = search(peak(1e-2)), search(peak(3e-5))
    assert sorted(above) == [*GRID, 1e-2, 3e-2]
    assert best_rate(above) == 1e-2
    assert sorted(below) == [1e-5, 3e-5, 1e-4, *GRID]
    assert best_rate(below) == 3e-5
    assert not at_edge(above)
    assert not at_edge(below)


def test_what_rises_without_end_stops_at_the_limit_and_is_called_an_edge() -> None:
    rising = search(lambda rate: rate)
    assert max(rising) == HIGHEST
    assert at_edge(rising)
    assert len(search(lambda rate: -rate, most=5)) == 5


def test_equal_rates_are_a_plateau_and_the_smaller_wins() -> None:
    flat = search(lambda rate: 0.5)
    assert sorted(flat) == list(GRID)
    assert best_rate(flat) == min(GRID)
    assert not at_edge(flat)


def test_a_rate_that_diverged_bounds_the_search() -> None:
    scores = search(lambda rate: -math.inf if rate > 3e-3 else rate)
    assert sorted(scores) == [*GRID, 1e-2]
    assert best_rate(scores) == 3e-3
    assert not at_edge(scores)


def test_one_rate_is_taken_as_it_is_and_was_compared_with_none() -> None:
    assert search(peak(1e-2), grid=(1e-3,)) == {1e-3: peak(1e-2)(1e-3)}
    assert at_edge({1e-3: 0.7})


@given(
    grid=st.sets(st.sampled_from([1e-5, 2e-4, 3e-4, 1e-3, 5e-3, 1e-2, 7e-2]), min_size=2),
    at=st.floats(-6, -1),
)
def test_any_grid_brackets_the_peak_or_says_that_it_ended_at_an_edge(grid, at) -> None:
    scores = search(peak(10**at), tuple(grid), most=40)
    rates, best = sorted(scores), best_rate(scores)
    assert grid <= set(scores)
    assert all(b / a > 1.9 for a, b in pairwise(rates) if not {a, b} <= grid)
    if at_edge(scores):
        assert best > HIGHEST / 2 or best < 2 * LOWEST
    else:
        inside = rates.index(best)
        worse = [scores[r] for r in rates[max(inside - 1, 0) : inside + 2] if r != best]
        assert all(scores[best] >= other for other in worse)
