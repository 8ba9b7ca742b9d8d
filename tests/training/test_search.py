"""A search keeps every fit, chooses on tune, and survives a widened rate that diverges."""

from __future__ import annotations

import math

import pytest

from molre.training.checkpoint import Progress
from molre.training.config import TrainConfig
from molre.training.failures import NotFinite
from molre.training.search import search

CONFIG = TrainConfig(learning_rates=(1e-3, 3e-3), max_rates=5)


def peak_at(best: float, diverges_at: float = math.inf):
    def fit(rate: float) -> Progress:
        if rate >= diverges_at:
            raise NotFinite("the loss is not finite")
        auc = 0.9 - 0.1 * abs(math.log10(rate / best))
        return Progress(epoch=1, best_epoch=0, best_auc=auc, history=({"learning_rate": rate},))

    return fit


def test_the_best_rate_on_tune_is_chosen_and_every_fit_is_in_the_history() -> None:
    found = search(peak_at(1e-2), CONFIG)
    assert found.rate == 1e-2
    assert found.best is found.fits[1e-2]
    assert [row["learning_rate"] for row in found.history] == [1e-3, 3e-3, 1e-2, 3e-2]
    assert not found.at_edge


def test_a_widened_rate_that_diverges_is_a_bad_one() -> None:
    found = search(peak_at(1e-1, diverges_at=1e-2), CONFIG)
    assert found.rate == 3e-3
    assert found.scores[1e-2] == -math.inf
    assert 1e-2 not in found.fits


def test_a_rate_that_was_asked_for_and_diverges_ends_the_search() -> None:
    with pytest.raises(NotFinite):
        search(peak_at(1e-1, diverges_at=3e-3), CONFIG)


def test_processes_that_train_together_do_not_go_on_after_one_diverged() -> None:
    with pytest.raises(NotFinite):
        search(peak_at(1e-1, diverges_at=1e-2), CONFIG, alone=False)
