"""small3d: 7 M parameters by MONAI's DenseNet, from scratch and so for the arm full alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from molre.arms.arms import ARMS
from molre.backbones.catalogue import load, presets
from molre.backbones.volume_contract import VolumeContract
from molre.embedding.embed import embed as embed_cohort
from molre.errors import MolreError
from molre.model.adapted_backbone import adapt, not_counting
from molre.training.config import TrainConfig
from tests.helpers.backbones.checkpoints import embed, pixels
from tests.helpers.cohort.cohorts import write_cohort

SMALL = VolumeContract(shape=(32, 32, 64), spacing=(5.0, 4.0, 4.0))
BLOCKS = TrainConfig(placement="blocks")


def test_parameters_at_full_size():
    with torch.device("meta"):
        network = presets()["small3d"].skeleton()
    counted = sum(p.numel() for p in network.parameters())
    assert counted == presets()["small3d"].parameters == 6_962_418
    assert f"{(counted + 801 * 75 + 75) / 1e6:.2f}" == "7.02"  # with a layer for 75 findings


def test_the_embedding_is_monais_before_its_last_layer():
    from monai.networks.nets import DenseNet

    backbone = load("small3d", contract=SMALL)
    whole = DenseNet(3, 3, 801, 64, 25, (6, 12, 24, 16)).eval()
    whole.class_layers.out = torch.nn.Identity()
    whole.load_state_dict(backbone.network.state_dict())
    volumes = pixels(backbone)
    got = embed(backbone, volumes)
    with torch.inference_mode():
        assert torch.equal(got.pooled, whole(volumes)) or torch.allclose(
            got.pooled, whole(volumes), rtol=1e-5, atol=1e-6
        )
    assert got.pooled.shape == (2, backbone.dim) == (2, 801)
    assert got.tokens is None
    assert got.grid == (1, 1, 2)


def test_it_has_no_weights_and_says_so():
    backbone = load("small3d", contract=SMALL)
    assert backbone.kind == "3d"
    assert backbone.from_scratch
    assert backbone.weights.id == "none: trained from scratch"
    again = load("small3d")
    assert again.weights.sha256 == backbone.weights.sha256
    assert torch.equal(again.network.features.conv0.weight, backbone.network.features.conv0.weight)


@pytest.mark.parametrize("kind", ["lora", "lora_matched", "lora_all", "molre", "molre_shuffled"])
def test_no_arm_but_full_is_applicable(kind: str):
    backbone = load("small3d", contract=SMALL)
    with pytest.raises(MolreError, match=r"^not applicable: it has no weights .* router"):
        adapt(backbone, ARMS[kind], BLOCKS)


def test_its_embeddings_are_refused(tmp_path):
    with pytest.raises(MolreError, match=r"^not applicable: small3d has no weights"):
        embed_cohort(write_cohort(tmp_path / "cohort", {"one": "someone"}), "small3d")


def test_a_seed_draws_its_own_start_and_all_of_it_is_trained():
    starts = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        backbone = load("small3d", contract=SMALL)
        adapted = adapt(backbone, ARMS["full"], BLOCKS)
        starts.append(backbone.network.features.conv0.weight.detach().clone())
        assert sum(p.numel() for p in adapted.parameters() if p.requires_grad) == 6_962_418
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


def test_its_batch_norm_counts_in_training_once_and_is_saved():
    backbone = load("small3d", contract=SMALL)
    adapted = adapt(backbone, ARMS["full"], BLOCKS)
    norm = backbone.network.features.norm0
    volumes = pixels(backbone)
    adapted.train()
    with torch.no_grad():
        backbone(volumes)
        seen = norm.running_mean.clone()
        with not_counting(backbone.network):
            backbone(volumes)
        assert torch.equal(norm.running_mean, seen)
        state = {k: v.clone() for k, v in adapted.state_dict().items()}
        backbone(volumes)
        assert not torch.equal(norm.running_mean, seen)
        adapted.load_state_dict(state)
    assert torch.equal(norm.running_mean, seen)
    adapted.eval()
    assert not backbone.network.training


def test_a_pretrained_network_stays_in_evaluation_mode():
    backbone = load("efficientnet_lite0")
    adapted = adapt(backbone, ARMS["full"], BLOCKS)
    adapted.train()
    assert not backbone.network.training


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        (SMALL.model_copy(update={"shape": (16, 64, 64)}), "halves volumes five times"),
        (SMALL.model_copy(update={"shape": (32, 32, 63)}), "halves volumes five times"),
        (
            SMALL.model_copy(update={"windows": ((40, 80),), "mean": (0.0,), "std": (1.0,)}),
            "takes 3 channels, the contract has 1 windows",
        ),
    ],
)
def test_volumes_that_do_not_fit(contract: VolumeContract, said: str):
    with pytest.raises(MolreError, match=f"^small3d .*{said}|^small3d {said}"):
        load("small3d", contract=contract)


def test_it_is_not_called_by_the_name_of_what_it_stands_for():
    preset = presets()["small3d"]
    assert "cntd" not in repr(preset.to_dict()).lower()
    assert np.prod(preset.contract.shape) * 3 * 2 < 4e6  # bytes of a study on disk
