"""A planted fit is kept for the choices that it was made with, and no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molre.phantom.planted import World
from molre.training.config import TrainConfig
from molre.workflows import control_fit
from molre.workflows.control_fit import ControlData, fit_planted, kept_or_fitted

DATA = ControlData(World(1.0, dim=24, findings=2, slices=6), train=40, tune=30, test=30)
CONFIG = TrainConfig(arm="molre", max_epochs=1, patience=1, learning_rates=(1e-2,))


def test_the_same_choices_give_the_same_numbers() -> None:
    one, other = fit_planted(CONFIG, DATA), fit_planted(CONFIG, DATA)
    np.testing.assert_array_equal(one.logits, other.logits)
    assert one.logits.shape == (30, 2)
    assert (one.rate, one.rates, one.epochs) == (1e-2, 1, 1)
    assert one.facts.experts == CONFIG.num_experts


def test_a_fit_is_read_again_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = kept_or_fitted(CONFIG, DATA, tmp_path)
    monkeypatch.setattr(control_fit, "fit_planted", None)  # nothing is fitted again
    kept = kept_or_fitted(CONFIG, DATA, tmp_path)
    np.testing.assert_array_equal(kept.logits, made.logits)
    assert kept.facts == made.facts


@pytest.mark.parametrize(
    ("config", "data"),
    [(CONFIG.model_copy(update={"dropout": 0.0}), DATA), (CONFIG, replace(DATA, draw=1))],
    ids=["other settings", "other studies"],
)
def test_a_fit_of_other_choices_is_not_taken_for_it(
    tmp_path: Path, config: TrainConfig, data: ControlData
) -> None:
    before = kept_or_fitted(CONFIG, DATA, tmp_path)
    after = kept_or_fitted(config, data, tmp_path)
    assert not np.array_equal(before.logits, after.logits)


def test_splits_share_no_study() -> None:
    keys = [DATA.split(name).keys for name in ("train", "tune", "test")]
    assert len(set().union(*keys)) == 100
    first = DATA.split("train").embeddings[:30]
    assert not np.array_equal(first, DATA.split("test").embeddings)
