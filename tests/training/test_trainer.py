"""A trainer learns, stops, keeps the best, and goes on after a kill to the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from molre.training.checkpoint import Checkpoint, Progress
from molre.training.config import TrainConfig
from molre.training.failures import NotFinite
from molre.training.inference import macro_auc, predict
from molre.training.trainer import Trainer
from tests.helpers.training.scans import loader, new_model


def trainer(config: TrainConfig, model: nn.Module | None = None) -> Trainer:
    return Trainer.at_rate(1e-2, model or new_model(), config, loader(120, 1), loader(40, 2))


def test_learns_what_can_be_learnt_on_scans_it_has_not_seen() -> None:
    learning = trainer(TrainConfig(max_epochs=40, patience=40))
    done, test = learning.fit(), loader(80, 3)
    assert macro_auc(test.studies.targets, predict(learning.model, test).logits) > 0.85
    assert done.history[-1]["train_loss"] < done.history[0]["train_loss"]
    assert done.history[0]["gate_entropy"] == pytest.approx(1, abs=0.01)


def test_stops_early_and_ends_with_the_best_epoch() -> None:
    stopping = trainer(TrainConfig(max_epochs=200, patience=3))
    done = stopping.fit()
    assert done.epoch < 200
    assert done.epoch - 1 - done.best_epoch == 3
    tune = loader(40, 2)
    assert macro_auc(tune.studies.targets, predict(stopping.model, tune).logits) == done.best_auc


@pytest.mark.parametrize("at", [(3, 0), (3, 5), (0, 8)], ids=["epoch", "step", "last step"])
def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path: Path, at: tuple[int, int]) -> None:
    config = TrainConfig(max_epochs=8, patience=8)
    whole = trainer(config)
    whole.fit()

    class KilledError(Exception):
        pass

    killed = trainer(config)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "key", every=0)

    def kill(progress: Progress) -> None:
        checkpoint.save(killed.model, killed.optimizer, progress)
        if (progress.epoch, progress.step) == at:
            raise KilledError

    with pytest.raises(KilledError):
        killed.fit(after=kill)
    torch.manual_seed(1234)
    again = new_model()
    for parameter in again.parameters():
        torch.nn.init.normal_(parameter)
    resumed = trainer(config, again)
    progress = Checkpoint(tmp_path / "c.safetensors", "key").restore(again, resumed.optimizer)
    assert (progress.epoch, progress.step) == at
    assert len(resumed.fit(progress).history) == 8
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_loss_that_is_not_finite_names_the_studies() -> None:
    train, tune = loader(20, 1), loader(20, 2)
    train.cache.get("1-3")[0, 0] = float("inf")
    with pytest.raises(NotFinite, match=r"not finite for study 1-3\. .* learning_rates"):
        Trainer.at_rate(1e-2, new_model(), TrainConfig(), train, tune).fit()


def test_a_last_step_after_which_the_model_answers_no_number_is_not_kept() -> None:
    train, tune = loader(8, 1), loader(20, 2)  # one step an epoch
    config = TrainConfig(max_epochs=1)
    with pytest.raises(NotFinite, match="answer is not finite for study 2-"):
        Trainer.at_rate(1e30, new_model(), config, train, tune).fit()
