"""The fit loop learns, stops, keeps the best, and goes on after a kill to the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molre.errors import MolreError
from molre.model.loss import prevalence_weights
from molre.training.checkpoint import Checkpoint
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.fit import Progress, fit, macro_auc, make_optimizer, run
from tests.helpers.training.scans import K, loader, new_model


def fitted(config: TrainConfig, after=lambda p: None, progress=None, model=None, optimizer=None):
    train, tune = loader(120, 1), loader(40, 2)
    model = model or new_model()
    optimizer = optimizer or make_optimizer(model, config, 1e-2)
    weights = prevalence_weights(torch.from_numpy(train.studies.targets))
    done = fit(model, optimizer, progress or Progress(), train, tune, weights, config, after)
    return model, done


def test_learns_what_can_be_learnt_on_scans_it_has_not_seen() -> None:
    model, done = fitted(TrainConfig(max_epochs=40, patience=40))
    test = loader(80, 3)
    assert macro_auc(test.studies.targets, run(model, test).logits) > 0.85
    assert done.history[-1]["train_loss"] < done.history[0]["train_loss"]
    assert done.history[0]["gate_entropy"] == pytest.approx(1, abs=0.01)


def test_stops_early_and_ends_with_the_best_epoch() -> None:
    config = TrainConfig(max_epochs=200, patience=3)
    model, done = fitted(config)
    assert done.epoch < 200
    assert done.epoch - 1 - done.best_epoch == 3
    tune = loader(40, 2)
    assert macro_auc(tune.studies.targets, run(model, tune).logits) == done.best_auc


def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    config = TrainConfig(max_epochs=8, patience=8)
    whole, _ = fitted(config)

    class KilledError(Exception):
        pass

    model = new_model()
    optimizer = make_optimizer(model, config, 1e-2)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "key", every=0)

    def kill_after_three(progress: Progress) -> None:
        checkpoint.save(model, optimizer, progress)
        if progress.epoch == 3:
            raise KilledError

    with pytest.raises(KilledError):
        fitted(config, kill_after_three, model=model, optimizer=optimizer)
    torch.manual_seed(1234)
    again = new_model()
    for parameter in again.parameters():
        torch.nn.init.normal_(parameter)
    optimizer = make_optimizer(again, config, 1e-2)
    progress = Checkpoint(tmp_path / "c.safetensors", "key").restore(again, optimizer)
    assert progress.epoch == 3
    resumed, done = fitted(config, progress=progress, model=again, optimizer=optimizer)
    assert len(done.history) == 8
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("damage", ["other key", "truncated", "absent"])
def test_a_checkpoint_of_something_else_starts_afresh(tmp_path: Path, damage: str) -> None:
    model = new_model()
    optimizer = make_optimizer(model, TrainConfig(), 1e-2)
    path = tmp_path / "c.safetensors"
    Checkpoint(path, "key", every=0).save(model, optimizer, Progress(epoch=2))
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:50])
    if damage == "absent":
        path.unlink()
    key = "another" if damage == "other key" else "key"
    assert Checkpoint(path, key).restore(model, optimizer).epoch == 0


def test_a_loss_that_is_not_finite_names_the_studies() -> None:
    train, tune = loader(20, 1), loader(20, 2)
    train.cache.get("1-3")[0, 0] = float("inf")
    model = new_model()
    with pytest.raises(MolreError, match="not finite for study 1-3"):
        fit(
            model,
            make_optimizer(model, TrainConfig(), 1e-2),
            Progress(),
            train,
            tune,
            torch.ones(K, 2),
            TrainConfig(),
            lambda p: None,
        )


def test_a_last_step_after_which_the_model_answers_no_number_is_not_kept() -> None:
    train, tune = loader(8, 1), loader(20, 2)  # one step an epoch
    model, config = new_model(), TrainConfig(max_epochs=1)
    optimizer, weights = make_optimizer(model, config, 1e30), torch.ones(K, 2)
    with pytest.raises(MolreError, match="answer is not finite for study 2-"):
        fit(model, optimizer, Progress(), train, tune, weights, config, lambda p: None)


def test_the_router_is_slower_and_biases_do_not_decay() -> None:
    model = new_model()
    groups = make_optimizer(model, TrainConfig(router_rate=0.1), 1e-3).param_groups
    rate = {id(p): g["lr"] for g in groups for p in g["params"]}
    decay = {id(p): g["weight_decay"] for g in groups for p in g["params"]}
    for name, parameter in model.named_parameters():
        assert rate[id(parameter)] == pytest.approx(1e-4 if ".router." in name else 1e-3)
    biases = [name for name, p in model.named_parameters() if p.ndim < 2]
    assert any(".router." in name for name in biases)
    for name, parameter in model.named_parameters():
        assert decay[id(parameter)] == (0 if name in biases else TrainConfig().weight_decay)


def test_order_is_a_function_of_seed_and_epoch() -> None:
    one = loader(30, 1)
    first = rows(one, 3)
    assert first == rows(one, 3)
    assert first != rows(one, 4)
    assert sorted(row for batch in first for row in batch) == list(range(30))
    assert rows(one, 3, start=1) == first[1:]


def rows(loader: Loader, epoch: int, start: int = 0) -> list[list[int]]:
    """Places of the scans of each batch."""
    shares = loader.epoch(epoch, start=start)
    return [[row for piece in share.pieces for row in piece.rows.tolist()] for share in shares]
