"""One step is the same however a batch is cut, fits into little memory, and names what fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from molre.errors import MolreError
from molre.model.loss import focal_loss
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.parallel.dropout import DropoutNoise
from molre.training.trainer import Trainer
from tests.helpers.training.networks import with_head
from tests.helpers.training.scans import DIM, K, loader, new_model

WEIGHTS = torch.ones(K, 2)


class Network(nn.Module):
    """Slices (B, DIM) to embeddings, in as little memory as ``most`` slices, forward or backward.

    A slice whose first number is ``fatal`` makes the device fail.
    """

    def __init__(self, most: int, fatal: float = float("nan")):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.most, self.fatal = nn.Linear(DIM, DIM), most, fatal

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        if (slices[:, 0] == self.fatal).any():
            raise torch.AcceleratorError("CUDA error: device-side assert triggered\nmore")
        out = torch.tanh(self.layer(slices))
        if out.requires_grad:
            rows = len(slices)
            out.register_hook(lambda gradient: self._backward(rows))
        return out

    def _backward(self, rows: int) -> None:
        if rows > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def trainer(model: nn.Module, train: Loader) -> Trainer:
    """With even class weights."""
    made = Trainer.at_rate(1e-2, model, TrainConfig(gamma=2.0), train, train)
    return replace(made, weights=WEIGHTS)


def stepped(model: nn.Module, train: Loader, p: float = 0.1) -> tuple[float, dict]:
    shard = next(train.epoch(0, DropoutNoise(0, 0, p, DIM)))
    model.train()
    return trainer(model, train).step(shard), model.state_dict()


def test_a_step_is_that_of_the_whole_batch_at_once() -> None:
    """The reference: one padded batch, one loss, one backward pass, torch's clipping."""
    train = loader(20, 1)
    loss, got = stepped(new_model(), train)
    model = new_model().train()
    rows = np.concatenate([p.rows for p in next(train.epoch(0)).micro_batches])
    batch = train._collate(rows, DropoutNoise(0, 0, 0.1, DIM))
    scores = model(batch.embeddings, batch.mask, batch.bank_index, batch.dropout_noise)
    whole = focal_loss(scores.logits, batch.targets, WEIGHTS, 2.0)
    whole.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    trainer(model, train).optimizer.step()
    assert loss == pytest.approx(float(whole.detach()), rel=1e-6)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(got[name], value, atol=1e-4, rtol=1e-4, msg=name)


def test_a_backward_pass_that_does_not_fit_is_tried_in_smaller_chunks() -> None:
    train = replace(loader(10, 1), micro_batch=4)
    loss, wanted = stepped(with_head(Network(999)), train)
    little, got = stepped(with_head(Network(3)), train)
    assert little == pytest.approx(loss, rel=1e-6)
    for name, value in wanted.items():
        torch.testing.assert_close(got[name], value, atol=1e-5, rtol=1e-4, msg=name)


def test_a_slice_that_does_not_fit_ends_with_a_sentence() -> None:
    with pytest.raises(MolreError, match="training on one slice needs 2.00 GiB more"):
        stepped(with_head(Network(0)), replace(loader(10, 1), micro_batch=4))


def test_a_device_that_fails_names_the_study() -> None:
    train = replace(loader(10, 1), micro_batch=1)
    fatal = float(train.cache.get("1-6")[2, 0])
    with pytest.raises(MolreError, match=r"device-side assert triggered\) on study 1-6\."):
        stepped(with_head(Network(999, fatal)), train)
