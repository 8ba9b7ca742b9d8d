"""A fit's state: the first of its best epochs; on disk whole, of this fit, and not too often."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from molre.training.checkpoint import Checkpoint, Progress
from molre.training.config import TrainConfig
from molre.training.optimizer import make_optimizer
from tests.helpers.training.scans import new_model

FAR = Progress(epoch=3, best_epoch=1, best_auc=0.75, history=[{"epoch": 0}], step=2, total=1.5)


@pytest.fixture
def trained() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """A model and its optimizer after a step, which has moments by then."""
    model = new_model()
    optimizer = make_optimizer(model, TrainConfig(), 1e-2)
    sum(p.square().sum() for p in model.parameters()).backward()
    optimizer.step()
    return model, optimizer


def fresh() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = new_model()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    return model, make_optimizer(model, TrainConfig(), 1e-2)


def test_all_of_a_fit_comes_back(tmp_path: Path, trained) -> None:
    model, optimizer = trained
    best = {k: v.clone() for k, v in model.state_dict().items()}
    told = Progress(**{**vars(FAR), "best": best})
    Checkpoint(tmp_path / "c.safetensors", "key", every=0).save(model, optimizer, told)
    again, its = fresh()
    back = Checkpoint(tmp_path / "c.safetensors", "key").restore(again, its)
    assert {**vars(back), "best": None} == {**vars(told), "best": None}
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
        assert torch.equal(back.best[name], value), name
    kept, read = (o.state_dict()["state"] for o in (optimizer, its))
    assert kept.keys() == read.keys()
    for index, moments in kept.items():
        assert all(torch.equal(read[index][name], value) for name, value in moments.items())


def test_a_changed_number_within_a_whole_file_is_noticed(tmp_path: Path, trained) -> None:
    path = tmp_path / "c.safetensors"
    Checkpoint(path, "key", every=0).save(*trained, FAR)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    model, optimizer = fresh()
    assert Checkpoint(path, "key").restore(model, optimizer).epoch == 0
    assert all((p == 0).all() for p in model.parameters())


def test_it_is_saved_at_most_every_few_seconds(tmp_path: Path, trained) -> None:
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "key", every=3600)
    checkpoint.save(*trained, FAR)
    checkpoint.save(*trained, Progress(epoch=9))
    assert checkpoint.restore(*fresh()).epoch == FAR.epoch


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


def test_progress_keeps_the_weights_of_the_best_epoch_and_the_first_of_equals() -> None:
    model, progress = nn.Linear(1, 1), Progress()
    for epoch, auc in enumerate((0.4, 0.7, 0.7, 0.6)):
        nn.init.constant_(model.weight, epoch)
        progress = progress.after_step(1.0).after_epoch({"epoch": epoch}, auc, model)
    assert (progress.epoch, progress.best_epoch, progress.best_auc) == (4, 1, 0.7)
    assert torch.equal(progress.best["weight"], torch.ones(1, 1))
    assert (progress.step, progress.total, len(progress.history)) == (0, 0.0, 4)
    assert progress.stale(2)
    assert not progress.stale(3)


def test_a_step_leaves_the_progress_before_it_as_it_was() -> None:
    before = Progress()
    after = before.after_step(2.0)
    assert (before.step, before.total) == (0, 0.0)
    assert (after.step, after.total) == (1, 2.0)
