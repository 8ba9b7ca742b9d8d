"""Presets are settings of a run, and the paper's is the one that `MoLREConfig()` has."""

from __future__ import annotations

import pytest

from molre.adapter.config import MoLREConfig
from molre.arms.arms import ARMS, METHOD
from molre.training.config import resolve
from molre.training.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_each_is_a_configuration_that_differs_from_the_default(name: str) -> None:
    assert resolve(preset=name) != resolve()


def test_the_paper_s_is_what_a_peft_user_gets_by_default() -> None:
    inside = ARMS[METHOD].blocks
    assert inside is not None
    assert inside.peft is not None
    asked = inside.peft(resolve(preset="paper", placement="blocks"))
    told = MoLREConfig(**{k: v for k, v in asked.items() if k != "peft_type"})
    plain = MoLREConfig()
    assert (told.num_experts, told.r, told.scaling) == (
        plain.num_experts,
        plain.r,
        plain.scaling,
    )
