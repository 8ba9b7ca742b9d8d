"""What an arm says of itself."""

from __future__ import annotations

import pytest
from torch import nn

from molre.arms.arm import FROM_SCRATCH
from molre.arms.arms import ARMS
from molre.errors import NotApplicable
from molre.training.config import TrainConfig

SLICE, BLOCKS = TrainConfig(placement="slice"), TrainConfig(placement="blocks")


def test_only_arms_that_train_something_there_are_inside_a_backbone() -> None:
    inside = {name for name, arm in ARMS.items() if arm.inside("blocks") is not None}
    assert inside == set(ARMS) - {"frozen", "mlp_matched"}
    assert not any(arm.inside("slice") for arm in ARMS.values())


@pytest.mark.parametrize("settings", [SLICE, BLOCKS])
@pytest.mark.parametrize("arm", ARMS)
def test_a_network_without_weights_can_only_be_trained_as_a_whole(
    arm: str, settings: TrainConfig
) -> None:
    if (arm, settings.placement) == ("full", "blocks"):
        assert ARMS[arm].sites(nn.Linear(2, 2), settings, from_scratch=True).layers == ()
        return
    with pytest.raises(NotApplicable) as caught:
        ARMS[arm].sites(nn.Linear(2, 2), settings, from_scratch=True)
    assert caught.value.what == FROM_SCRATCH


def test_at_slice_any_network_will_do() -> None:
    assert ARMS["molre"].sites(nn.Identity(), SLICE).layers == ()


@pytest.mark.parametrize(
    ("added", "of_method", "said"),
    [(3, 4, "75 %"), (1, 4, "25 %"), (None, 4, "about 75 %"), (3, None, "about 75 %")],
)
def test_a_lora_of_equal_rank_tells_its_share(
    added: int | None, of_method: int | None, said: str
) -> None:
    named = ARMS["lora_matched"].named(added, of_method)
    assert named == f"a LoRA of equal rank ({said} of the parameters)"
    assert ARMS["lora"].named(added, of_method) == "a plain LoRA"
