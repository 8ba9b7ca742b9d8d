"""MedImageInsight: the published names onto timm's network, and the projection behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file

from molre.arms.sites import last_blocks
from molre.backbones.contract import Contract
from molre.backbones.families.medimageinsight import FILE, ProjectedDaViT
from molre.errors import MolreError
from tests.helpers.backbones.checkpoints import add, drop, embed, pixels, read, save, shaken

CONTRACT = Contract(size=96)
SMALL = {"depths": (1, 1, 2, 1), "embed_dims": (32, 64, 64, 96), "num_heads": (1, 2, 2, 3)}
PLACE = Path("2024.09.27/vision_model") / FILE  # in the hub's repository


def network() -> ProjectedDaViT:
    tower = timm.create_model("davit_huge_fl", num_classes=0, **SMALL)
    return shaken(ProjectedDaViT(tower, torch.zeros(96, 48)))


def published(name: str) -> str:
    """timm's name of a tensor as the publisher spells it, after its own DaViT (microsoft)."""
    attention = "window_attn" if "spatial_block" in name else "channel_attn"
    for pattern, replacement in (
        (r"^stem\.", "stages.0.downsample."),
        (r"^stages\.(\d)\.downsample\.", r"convs.\1."),
        (r"^stages\.(\d)\.blocks\.", r"blocks.\1."),
        (r"^convs\.(\d)\.conv\.", r"convs.\1.proj."),
        (r"\.norm1\.", f".{attention}.norm."),
        (r"\.attn\.", f".{attention}.fn."),
        (r"\.norm2\.", ".ffn.norm."),
        (r"\.mlp\.", ".ffn.fn.net."),
        (r"\.cpe([12])\.proj\.", r".conv\1.fn.dw."),
        (r"^head\.norm\.", "norms."),
    ):
        name = re.sub(pattern, replacement, name)
    return name


def write(model: ProjectedDaViT, path: Path, tower: str = "image_encoder.") -> Path:
    state = {tower + published(n): t for n, t in model.tower.state_dict().items()}
    older = tower == "visual."
    state["vision_projection" if older else "image_projection"] = model.projection.detach()
    state |= {"logit_scale": torch.zeros(1), "lang_encoder.x": torch.zeros(2)}
    save(state, path)
    return path


@pytest.mark.parametrize("tower", ["image_encoder.", "visual."])
@pytest.mark.parametrize("size", [96, 128])
def test_embedding_is_the_projected_pooled_output(tower: str, size: int, tmp_path: Path):
    model = network()
    write(model, tmp_path / PLACE, tower)
    backbone = read("medimageinsight", model, tmp_path, contract=Contract(size=size))
    found, images = embed(backbone, pixels(backbone)), pixels(backbone)
    with torch.inference_mode():
        last = model.tower.forward_features(images)
        pooled = model.tower.head.norm(last.mean((2, 3), keepdim=True)).flatten(1)
        wanted = pooled @ model.projection
    torch.testing.assert_close(found.pooled, wanted, atol=1e-4, rtol=1e-4)
    assert (backbone.dim, found.grid) == (48, (size // 32, size // 32))
    assert found.tokens.shape == (2, (size // 32) ** 2, 96)


def test_the_published_names_are_these(tmp_path: Path):
    names = {published(name) for name in network().tower.state_dict()}
    assert {
        "convs.0.proj.weight",
        "convs.0.norm.bias",
        "convs.3.norm.weight",
        "blocks.2.1.spatial_block.window_attn.fn.qkv.weight",
        "blocks.2.1.channel_block.channel_attn.norm.bias",
        "blocks.3.0.channel_block.conv2.fn.dw.weight",
        "blocks.0.0.spatial_block.ffn.fn.net.fc1.weight",
        "norms.weight",
    } <= names


def test_timms_own_reading_of_the_names_agrees(tmp_path: Path):
    """timm converts Florence-2's copy of this DaViT, whose tensors are spelt alike."""
    from timm.models.davit import _convert_florence2

    model = network()
    theirs = {f"vision_tower.{published(n)}": t for n, t in model.tower.state_dict().items()}
    converted = _convert_florence2(theirs, model.tower)
    converted = {name.replace("norms.", "head.norm."): t for name, t in converted.items()}
    write(model, tmp_path / FILE)
    ours = read("medimageinsight", model, tmp_path, contract=CONTRACT).network.tower.state_dict()
    assert set(converted) == set(ours)
    assert all(torch.equal(converted[name], ours[name]) for name in ours)


def florence(published: str) -> str:
    """A published name as transformers spells it in Florence-2, whose DaViT this is."""
    for pattern, replacement in (
        (r"^convs\.(\d)\.proj\.", r"convs.\1.conv."),
        (r"\.conv([12])\.fn\.dw\.", r".conv\1."),
        (r"\.(window|channel)_attn\.norm\.", ".norm1."),
        (r"\.(window|channel)_attn\.fn\.", r".\1_attn."),
        (r"\.ffn\.norm\.", ".norm2."),
        (r"\.ffn\.fn\.net\.", ".ffn."),
    ):
        published = re.sub(pattern, replacement, published)
    return published


def test_embedding_against_transformers_davit(tmp_path: Path):
    """Another implementation, fed with the published tensors; the pooling is written out here."""
    from transformers import Florence2VisionConfig
    from transformers.models.florence2.modeling_florence2 import Florence2VisionBackbone

    model = network()
    state = load_file(write(model, tmp_path / FILE))
    heads = {"num_heads": SMALL["num_heads"], "num_groups": SMALL["num_heads"]}
    config = Florence2VisionConfig(
        embed_dim=SMALL["embed_dims"], depths=SMALL["depths"], window_size=12, **heads
    )
    theirs = Florence2VisionBackbone(config).eval()
    tower = {
        florence(name.removeprefix("image_encoder.")): tensor
        for name, tensor in state.items()
        if name.startswith("image_encoder.") and ".norms." not in name
    }
    theirs.load_state_dict(tower)
    backbone = read("medimageinsight", model, tmp_path, contract=CONTRACT)
    images = pixels(backbone)
    with torch.inference_mode():
        found = backbone(images)
        last = theirs(images)
        last = getattr(last, "last_hidden_state", last)
    mean = last.flatten(2).mean(2)
    scale, shift = (state[f"image_encoder.norms.{part}"] for part in ("weight", "bias"))
    pooled = torch.nn.functional.layer_norm(mean, mean.shape[1:], scale, shift)
    torch.testing.assert_close(
        found.pooled, pooled @ state["image_projection"], atol=1e-4, rtol=1e-4
    )


def test_sites_are_the_mlps_and_never_attention_in_windows(tmp_path: Path):
    model = network()
    write(model, tmp_path / FILE)
    found = read("medimageinsight", model, tmp_path, contract=CONTRACT).network
    sites = last_blocks(found, 10.0, 2, 2, 4)
    assert all(re.search(r"\.mlp\.fc[12]$", name) for name in sites.layers)
    assert (len(sites.layers), sites.blocks) == (4 * 5, 5)


@pytest.mark.parametrize("part", ["convs.1.proj.weight", "norms.bias", "window_attn.fn.qkv.bias"])
def test_a_missing_tensor_is_named(part: str, tmp_path: Path):
    model = network()
    drop(write(model, tmp_path / FILE), part)
    with pytest.raises(MolreError, match="lacks 1 tensors of davit_huge_fl|timm cannot build"):
        read("medimageinsight", model, tmp_path, contract=CONTRACT)


def test_a_tensor_too_many_is_named(tmp_path: Path):
    model = network()
    add(write(model, tmp_path / FILE), "image_encoder.blocks.0.0.spatial_block.ffn.extra")
    with pytest.raises(MolreError, match="beyond the network, 1 tensors"):
        read("medimageinsight", model, tmp_path, contract=CONTRACT)


def test_a_pickle_of_that_name_is_not_opened(tmp_path: Path):
    torch.save({"image_projection": torch.zeros(2, 2)}, tmp_path / FILE)
    with pytest.raises(MolreError, match="is not a safetensors file"):
        read("medimageinsight", network(), tmp_path, contract=CONTRACT)


def test_without_its_projection_it_is_no_checkpoint(tmp_path: Path):
    model = network()
    drop(write(model, tmp_path / FILE), "image_projection")
    with pytest.raises(MolreError, match="is not a checkpoint of MedImageInsight"):
        read("medimageinsight", model, tmp_path, contract=CONTRACT)
