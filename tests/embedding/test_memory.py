"""What does not fit into memory is halved and tried again; one rule says what it computes in."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from molre.arms.arms import ARMS
from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.backbones.precision import precision_on
from molre.embedding.cache import cache_key
from molre.embedding.one_series import CHUNK, embed_volume
from molre.errors import MolreError
from molre.model.adapted_backbone import adapt
from molre.training.config import TrainConfig
from tests.helpers.embedding.volumes import noise

MESSAGE = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of "
    "which 11.50 GiB is free. Including non-PyTorch memory, this process has 60 GiB in use."
)


class Hungry(nn.Module):
    """A network that gets no memory for more than ``most`` images."""

    def __init__(self, most: int, truly: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 8, 8, stride=8)
        self.most, self.truly, self.tried = most, truly, []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.tried.append(len(pixels))
        if len(pixels) > self.most:
            if self.truly:
                torch.empty(2**60, dtype=torch.uint8)
            raise torch.OutOfMemoryError(MESSAGE)
        return self.layer(pixels).mean((2, 3))


def backbone(network: nn.Module) -> Backbone:
    return Backbone(
        "hungry",
        network,
        lambda net, pixels: Features(None, net(pixels)),
        dim=8,
        contract=Contract(size=32),
        weights=Weights(id="hungry", sha256="0"),
    )


@pytest.mark.parametrize("truly", [False, True])
@pytest.mark.parametrize("most", [1, 5])
def test_slices_that_do_not_fit_are_halved_until_they_do(most: int, truly: bool) -> None:
    volume, plenty, little = noise(40), backbone(Hungry(99)), backbone(Hungry(most, truly))
    wanted, index = embed_volume(volume, plenty)
    got, again = embed_volume(volume, little)
    torch.testing.assert_close(got, wanted)
    assert again.tolist() == index.tolist()
    tried = little.network.tried
    assert tried[:3] == [CHUNK, CHUNK // 2, CHUNK // 4]
    # what fitted is where the next volume begins
    little.network.tried = []
    embed_volume(volume, little)
    assert max(little.network.tried) <= most


def test_one_slice_that_does_not_fit_says_what_it_needs_and_what_there_is() -> None:
    with pytest.raises(MolreError) as caught:
        embed_volume(noise(9), backbone(Hungry(0)))
    said = caught.value.message
    assert "one image in hungry needs another 20.00 GiB, but only 11.50 GiB is free" in said
    assert "--device" in said


def test_an_adapted_backbone_is_halved_too() -> None:
    plenty, little = backbone(Hungry(99)), backbone(Hungry(3))
    full, blocks = ARMS["full"], TrainConfig(placement="blocks")
    pixels, index = torch.randn(11, 3, 32, 32), torch.zeros(11, dtype=torch.long)
    wanted, _ = adapt(plenty, full, blocks).embed(pixels, index)
    got, _ = adapt(little, full, blocks).embed(pixels, index)
    torch.testing.assert_close(got, wanted)


def test_other_errors_are_not_taken_for_a_want_of_memory() -> None:
    class Broken(Hungry):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        embed_volume(noise(9), backbone(Broken(9)))


def test_one_rule_for_what_a_backbone_computes_in() -> None:
    assert precision_on("cuda:1") == "bfloat16"
    assert precision_on("cpu") == "float32"
    assert precision_on("cuda", "float32") == "float32"
    assert precision_on("cpu", "bfloat16") == "bfloat16"


def test_bfloat16_is_close_to_float32_and_has_a_cache_of_its_own() -> None:
    full, half = backbone(Hungry(99)), backbone(Hungry(99))
    half.precision = "bfloat16"
    wanted, got = (embed_volume(noise(6), one)[0] for one in (full, half))
    assert got.dtype == torch.float32
    assert 0 < float((got - wanted).abs().max()) < 0.02 * float(wanted.abs().max())
    assert torch.equal(got, got.bfloat16().float())
    assert cache_key("w", "c", "bfloat16") != cache_key("w", "c")
    assert "precision" not in cache_key("w", "c")  # of caches from before there was a choice
