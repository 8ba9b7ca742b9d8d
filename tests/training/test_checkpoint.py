"""A fit's state on disk: whole, of this fit, and not written more often than it is worth."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

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


def test_it_is_saved_at_most_every_few_seconds_and_forgotten_when_asked(
    tmp_path: Path, trained
) -> None:
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "key", every=3600)
    checkpoint.save(*trained, FAR)
    checkpoint.save(*trained, Progress(epoch=9))
    assert checkpoint.restore(*fresh()).epoch == FAR.epoch
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []
    checkpoint.remove()
    assert checkpoint.restore(*fresh()).epoch == 0
