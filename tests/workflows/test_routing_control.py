"""The positive control: planted routing is found at the defaults, never by even gates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch
from torch import Tensor

from molre.adapter.core import Router
from molre.arms.arms import METHOD
from molre.training.config import resolve
from molre.workflows.routing_control import SMALL, SMALL_SETTINGS, routing_control

CONFIG = resolve(**SMALL_SETTINGS | {"max_epochs": 10, "learning_rates": (1e-2,)})
PLAN = replace(SMALL, conflicts=(1.0,), seeds=(0,), arms=("frozen", METHOD, "molre_shuffled"))


def uniform(router: Router, context: Tensor) -> Tensor:
    """Gates of a router that is switched off."""
    experts = router.out.out_features
    return torch.full((*context.shape[:-1], experts), 1 / experts) + 0 * router.out.weight.sum()


@pytest.fixture(scope="module")
def control(once: Callable[..., Path]) -> Path:
    def make(folder: Path) -> None:
        routing_control(folder, PLAN, CONFIG, workers=1)

    return once("routing_control", make)


def test_routing_is_found_where_it_was_planted(control: Path) -> None:
    again = routing_control(control, PLAN, CONFIG, workers=1)  # of fits that are kept
    (world,) = again.worlds
    assert world.found, world.sentence
    assert "routing was planted, and found" in world.sentence
    entropy = next(arm.facts.entropy for arm in again.result.arms if arm.name == METHOD)
    assert 0.3 < entropy < 0.95


def test_a_router_that_is_switched_off_does_not_pass(
    control: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The method can never be inert without a red test: even gates are the frozen head again."""
    from molre.workflows.control_fit import fit_planted

    monkeypatch.setattr(Router, "forward", uniform)
    off = fit_planted(CONFIG.model_copy(update={"arm": METHOD, "seed": 0}), PLAN.data(1.0))
    table = pl.read_csv(control / "control.csv").filter(pl.col("finding") == "macro")
    auc = dict(table.select("arm", "auc").iter_rows())
    labels = PLAN.data(1.0).split("test").present
    from molre.training.inference import macro_auc

    assert macro_auc(labels.astype(float), off.logits) < (auc["frozen"] + auc[METHOD]) / 2
    assert off.facts.unrouted


def test_a_control_that_was_interrupted_goes_on(control: Path, tmp_path: Path) -> None:
    fits = sorted((control / "fits").iterdir())
    assert [path.name for path in fits] == [f"{arm}-0-conflict-1.json" for arm in sorted(PLAN.arms)]
    whole = {path: path.read_bytes() for path in fits}
    table = (control / "control.csv").read_bytes()
    fits[0].write_text("{")  # killed while it was written
    routing_control(control, PLAN, CONFIG, workers=1)
    assert {path: path.read_bytes() for path in fits} == whole
    assert (control / "control.csv").read_bytes() == table
