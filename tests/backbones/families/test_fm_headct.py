"""FM-HeadCT in its published names, against a plain ViT that is written out here."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from molre.arms.sites import attention_projections, last_blocks
from molre.backbones.catalogue import presets
from molre.backbones.families.fm_headct import NAMES, build
from molre.backbones.volume_contract import VolumeContract
from molre.errors import MolreError
from tests.helpers.backbones.checkpoints import add, drop, embed, pixels, read, save, shaken

NAME = "fm_headct"
CONTRACT = presets()[NAME].contract.model_copy(
    update={"shape": (24, 36, 24), "resize": (24, 36, 24)}
)
SMALL = {"width": 192, "depth": 3, "hidden": 96}


def published(name: str) -> str:
    """A tensor's name in the published checkpoint, by what MONAI calls it."""
    for theirs, monais in NAMES:
        name = name.replace(monais, theirs)
    return f"module.backbone.{name}"


def write(folder: Path, **options) -> torch.nn.Module:
    network = shaken(build(CONTRACT.shape, **SMALL, **options))
    state = {published(name): tensor for name, tensor in network.state_dict().items()}
    state["module.head.last_layer.weight"] = torch.zeros(4, 4)  # of the pretraining
    save(state, folder / "model.safetensors")
    return network


def plain_vit(state: dict[str, torch.Tensor], volumes: torch.Tensor) -> torch.Tensor:
    """All tokens after the last norm, from tensors of the published names."""
    state = {name.removeprefix("module.backbone."): t for name, t in state.items()}

    def norm(x: torch.Tensor, name: str, eps: float) -> torch.Tensor:
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, correction=0, keepdim=True)
        return (x - mean) / (variance + eps).sqrt() * state[f"{name}.weight"] + state[
            f"{name}.bias"
        ]

    weight = state["patch_embedding.patch_embeddings.weight"]
    b, width, p = len(volumes), weight.shape[0], weight.shape[-1]
    patches = volumes.unfold(2, p, p).unfold(3, p, p).unfold(4, p, p)
    patches = patches.permute(0, 2, 3, 4, 1, 5, 6, 7).flatten(4).flatten(1, 3)
    x = patches @ weight.flatten(1).T + state["patch_embedding.patch_embeddings.bias"]
    x = x + state["patch_embedding.position_embeddings"]
    first = [state["cls_token"]] + [t for name, t in state.items() if name == "register_tokens"]
    x = torch.cat([*[t.expand(b, -1, -1) for t in first], x], dim=1)
    for i in range(3):
        y = norm(x, f"blocks.{i}.att_norm", 1e-5) @ state[f"blocks.{i}.attn.qkv.weight"].T
        y = y + state.get(f"blocks.{i}.attn.qkv.bias", torch.zeros(()))
        heads = []
        for h in range(width // 64):
            q, k, v = (y[..., part * width + h * 64 :][..., :64] for part in range(3))
            heads.append(torch.softmax(q @ k.transpose(1, 2) / math.sqrt(64), -1) @ v)
        y = torch.cat(heads, -1) @ state[f"blocks.{i}.attn.proj.weight"].T
        x = x + y + state[f"blocks.{i}.attn.proj.bias"]
        y = norm(x, f"blocks.{i}.ffn_norm", 1e-5) @ state[f"blocks.{i}.mlp.linear1.weight"].T
        y = functional.gelu(y + state[f"blocks.{i}.mlp.linear1.bias"])
        x = (
            x
            + y @ state[f"blocks.{i}.mlp.linear2.weight"].T
            + state[f"blocks.{i}.mlp.linear2.bias"]
        )
    return norm(x, "norm", 1e-6)


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"registers": 4}], ids=str)
def test_a_published_checkpoint_is_a_plain_vit(options, tmp_path):
    network = write(tmp_path, **options)
    backbone = read(NAME, network, tmp_path, contract=CONTRACT)
    volumes = pixels(backbone).double()  # in which two ways of the same sum differ less
    state = load_file(tmp_path / "model.safetensors")
    expected = plain_vit({name: tensor.double() for name, tensor in state.items()}, volumes)
    got = embed(backbone.double(), volumes)
    prefix = 1 + options.get("registers", 0)
    assert (got.pooled - expected[:, 0]).abs().max() < 1e-9
    assert (got.tokens - expected[:, prefix:]).abs().max() < 1e-9
    assert got.grid == (2, 3, 2)
    assert backbone.dim == 192
    assert backbone.kind == "3d"


@pytest.mark.parametrize(
    ("options", "parameters"),
    [({}, 89_432_064), ({"registers": 4}, 89_435_136), ({"bias": False}, 89_404_416)],
    ids=["bias", "registers", "no-bias"],
)
def test_parameters_at_full_size(options, parameters):
    with torch.device("meta"):
        network = build(**options)
        volume = torch.zeros(1, *presets()[NAME].contract.pixel_shape)
        from molre.backbones.families.fm_headct import features

        found = features(network, volume)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert found.tokens.shape == (1, 512, 768)
    assert found.grid == (8, 8, 8)
    assert presets()[NAME].parameters == 89_432_064
    sites = last_blocks(network, 0.005, 6, 8, 32)
    assert sites.layers == ("blocks.10.attn.qkv", "blocks.11.attn.qkv")
    assert len(attention_projections(network).layers) == 2 * 12


def test_positions_are_the_published_sines_and_cosines():
    network = build((24, 36, 24), width=192, depth=1, hidden=8)
    made = network.patch_embedding.position_embeddings[0].reshape(2, 3, 2, 192)
    rate = 1 / 10000 ** (torch.arange(32) / 32)
    for d, h, w in ((0, 0, 0), (1, 2, 1), (0, 1, 1)):
        expected = [f(n * rate) for n in (h, d, w) for f in (torch.sin, torch.cos)]
        assert torch.allclose(made[d, h, w], torch.cat(expected), atol=1e-6)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    network = write(tmp_path)
    gone = drop(tmp_path / "model.safetensors", "blocks.1.attn.proj")
    missing = gone.removeprefix("module.backbone.").replace("proj", "out_proj")
    with pytest.raises(MolreError, match=f"lacks 1 tensors of fm_headct, starting with {missing}"):
        read(NAME, network, tmp_path, contract=CONTRACT)
    write(tmp_path)
    add(tmp_path / "model.safetensors", "module.backbone.blocks.2.extra")
    with pytest.raises(MolreError, match="beyond the network, 1 tensors .* with blocks.2.extra"):
        read(NAME, network, tmp_path, contract=CONTRACT)
    save({"visual.trunk.cls_token": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(MolreError, match="is not a checkpoint of fm_headct"):
        read(NAME, network, tmp_path, contract=CONTRACT)


def test_volumes_that_do_not_fit_are_refused(tmp_path):
    network = write(tmp_path)
    other = CONTRACT.model_copy(update={"shape": (24, 36, 40)})
    with pytest.raises(MolreError, match="24 x 36 x 40 do not divide into patches of 12 x 12 x 12"):
        read(NAME, network, tmp_path, contract=other)
    other = VolumeContract(
        shape=(24, 36, 24), spacing=(1, 1, 1), windows=((40, 80),), mean=(0.0,), std=(1.0,)
    )
    with pytest.raises(MolreError, match="takes 3 channels, the contract has 1 windows"):
        read(NAME, network, tmp_path, contract=other)
    shorter = CONTRACT.model_copy(update={"shape": (24, 24, 24), "resize": (24, 24, 24)})
    with pytest.raises(MolreError, match="another shape, 1 tensors .* with patch_embedding.pos"):
        read(NAME, network, tmp_path, contract=shorter)


def test_without_weights_it_says_where_to_ask():
    from molre.backbones.catalogue import load

    with pytest.raises(MolreError, match=r"accepting the terms \(by agreement .*headCT_foundation"):
        load(NAME)
