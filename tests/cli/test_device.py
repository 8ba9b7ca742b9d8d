"""``--device``: what is here can be used, what is not is refused in one sentence."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from molre.device import ALLOWED, usable
from molre.errors import MolreError

GPUS = torch.cuda.device_count() if torch.cuda.is_available() else 0


def sentence(device: str) -> str:
    """Why a device is refused; empty where torch can compute on it."""
    try:
        found = usable(device)
    except MolreError as error:
        return error.message
    assert torch.zeros(1, device=found).sum() == 0
    return ""


@given(st.one_of(st.text(max_size=8), st.from_regex(r"(cuda|cpu|auto|mps|xpu)?:?-?[0-9]{0,4}")))
def test_whatever_is_given_is_a_device_of_torch_or_a_sentence(device: str) -> None:
    said = sentence(device)
    assert not said or ("--device" in said and said.endswith("."))


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_auto_and_cpu_are_always_there(device: str) -> None:
    assert usable(device) == ("cuda" if device == "auto" and GPUS else "cpu")


def test_more_devices_than_there_are_name_those_that_there_are() -> None:
    with pytest.raises(MolreError) as refused:
        usable(f"cuda:{GPUS}")
    assert ("cuda:0 can be used" in refused.value.message) == (GPUS == 1)
    assert ("no CUDA device is available here" in refused.value.message) == (not GPUS)


def test_the_workers_of_a_cluster_may_have_what_this_machine_lacks() -> None:
    assert usable("cuda:7", here=False) == "cuda:7"
    assert usable("cpu", here=False) == "cpu"
    with pytest.raises(MolreError, match=ALLOWED):
        usable("gpu", here=False)
    with pytest.raises(MolreError, match="Name their device"):
        usable("auto", here=False)
