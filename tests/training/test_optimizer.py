"""AdamW: the router at its own rate, and no decay where there is nothing to shrink."""

from __future__ import annotations

import pytest

from molre.training.config import TrainConfig
from molre.training.optimizer import make_optimizer
from tests.helpers.training.scans import new_model


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
