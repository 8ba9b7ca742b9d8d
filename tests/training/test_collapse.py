"""Collapse is noticed where it is forced, said once, and not seen in a healthy router."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from molre.adapter.collapse import ALIKE, COLLAPSE_LOAD
from molre.training.collapse import (
    IN_A_ROW,
    CollapseWarning,
    collapse,
    collapses,
    router_numbers,
)
from molre.training.config import TrainConfig
from tests.training.test_trainer import new_model, trainer

CONFIG = TrainConfig(max_epochs=6, patience=6, router_rate=0)


def rows(*loads: float | None, alike: float | None = 0.1, rate: float = 1e-3) -> list[dict]:
    return [
        {"epoch": i, "learning_rate": rate, "expert_load": load, "expert_similarity": alike}
        for i, load in enumerate(loads)
    ]


def one_takes_all() -> nn.Module:
    model = new_model()
    with torch.no_grad():
        model.adapter.router.out.bias[2] = 10  # type: ignore[union-attr, operator, index]
    return model


def all_alike() -> nn.Module:
    """Experts that share A, under even gates: their gradients are the same for ever."""
    model = new_model()
    experts, router = model.adapter.experts, model.adapter.router  # type: ignore[union-attr]
    with torch.no_grad():
        experts.a.copy_(experts.a[:2].repeat(experts.num_experts, 1))  # type: ignore[union-attr, operator, index, arg-type]
        router.out.weight.zero_()  # type: ignore[union-attr, operator]
    return model


@pytest.mark.parametrize(
    ("make", "says"), [(one_takes_all, "one expert took"), (all_alike, "all experts did the same")]
)
def test_a_router_that_is_forced_to_collapse_is_told_once(make, says, capsys) -> None:
    warning = CollapseWarning()
    done = trainer(CONFIG, make()).fit(after=lambda p: warning(p.history))
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("the experts have collapsed") == 1
    assert says in said
    (found,) = collapses(done.history)
    assert says in found.what
    assert found.epoch >= IN_A_ROW - 1
    assert found.learning_rate == pytest.approx(1e-2)


def test_a_healthy_router_and_an_arm_without_one_say_nothing(capsys) -> None:
    for kind in ("molre", "none"):
        warning = CollapseWarning()
        config = TrainConfig(max_epochs=6, patience=6)
        done = trainer(config, new_model(kind)).fit(after=lambda p, w=warning: w(p.history))
        assert collapses(done.history) == []
        assert not warning.said
        assert (done.history[-1]["expert_load"] is None) == (kind == "none")
    assert capsys.readouterr().err == ""


def test_numbers_are_those_of_the_layer_that_is_worst_off() -> None:
    gates = torch.full((5, 2, 4), 0.25)
    gates[:, 1] = Tensor([0.7, 0.1, 0.1, 0.1])
    numbers = router_numbers(nn.Linear(2, 2), gates)
    assert numbers["expert_load"] == pytest.approx(0.7)
    assert numbers["expert_similarity"] is None


@given(st.lists(st.sampled_from([0.3, 0.95, 0.96, None]), max_size=12))
def test_it_takes_three_epochs_in_a_row(loads: list[float | None]) -> None:
    high = "".join("x" if load is not None and load > COLLAPSE_LOAD else "." for load in loads)
    found = collapse(rows(*loads))
    if "xxx" in high:
        assert found is not None
        assert found.epoch == high.index("xxx") + 2
    else:
        assert found is None


def test_each_fit_of_a_run_is_looked_at_by_itself() -> None:
    first, second = rows(0.2, 0.99, 0.99), rows(0.99, 0.2, 0.2, rate=3e-3)
    third = rows(*[0.2] * 4, alike=ALIKE + 0.01, rate=1e-2)
    assert [f.learning_rate for f in collapses([*first, *second, *third])] == [1e-2]
    assert collapses([]) == []


def test_a_second_fit_of_a_run_does_not_say_it_again(capsys) -> None:
    warning = CollapseWarning()
    for rate in (1e-3, 1e-2):
        for epoch in range(1, 7):
            warning(rows(*[0.99] * 6, rate=rate)[:epoch])
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("the experts have collapsed (learning rate 0.001, epoch 2)") == 1
    assert said.count("collapsed") == 1


def test_a_history_from_before_these_columns_has_no_collapse() -> None:
    assert collapse([{"epoch": i, "learning_rate": 1e-3} for i in range(5)]) is None
