"""A fit takes as many steps on a small cohort as on a large one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from molre.training.config import TrainConfig
from molre.training.fit_budget import LEAST_EPOCHS, LEAST_PATIENCE, FitBudget

CONFIG = TrainConfig(max_steps=5000, patience_steps=600, batch_size=32)


@given(studies=st.integers(1, 15_000))
def test_steps_do_not_depend_on_the_size_of_the_cohort(studies: int) -> None:
    budget, steps = FitBudget.of(CONFIG, studies), -(-studies // 32)
    assert 5000 <= budget.epochs * steps < 5000 + steps * (1 + LEAST_EPOCHS)
    assert budget.patience * steps >= 600


def test_a_large_cohort_is_seen_some_times_however_many_steps_that_is() -> None:
    budget = FitBudget.of(CONFIG, 100_000)
    assert (budget.epochs, budget.patience) == (LEAST_EPOCHS, LEAST_PATIENCE)


def test_epochs_that_are_given_are_taken_as_they_are() -> None:
    config = TrainConfig(max_epochs=7, patience=2)
    assert FitBudget.of(config, 10) == FitBudget.of(config, 10_000) == FitBudget(7, 2)
