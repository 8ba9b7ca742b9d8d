"""Micro-batches worked out in a pool of threads are those worked out one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from molre.training.config import TrainConfig
from molre.training.parallel.micro_batches import thread_pool
from molre.training.trainer import Trainer
from tests.helpers.training.networks import on_network
from tests.helpers.training.scans import loader, new_model


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """As many as there were."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def weights_after(threads: int) -> dict[str, torch.Tensor]:
    torch.set_num_threads(threads)
    train, tune = loader(44, 1), loader(30, 2)
    model, config = new_model(), TrainConfig(max_epochs=2, patience=2)
    Trainer.at_rate(1e-2, model, config, train, tune).fit()
    assert torch.get_num_threads() == threads
    return model.state_dict()


def test_two_threads_train_the_same_bits_as_one() -> None:
    one, two = weights_after(1), weights_after(2)
    assert all(torch.equal(two[name], value) for name, value in one.items())


def test_only_a_head_on_embeddings_is_shared_out() -> None:
    torch.set_num_threads(2)
    with thread_pool(new_model()) as pool:
        assert pool is not None
        assert torch.get_num_threads() == 1, "torch's own would wait beside those of the pool"
    with thread_pool(on_network("backbone")) as pool:
        assert pool is None
