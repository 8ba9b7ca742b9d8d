"""BiomedCLIP's tower out of an open_clip checkpoint, against timm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch

from molre.arms.sites import attention_projections, last_blocks
from molre.backbones.contract import Contract
from molre.backbones.families.biomedclip import CLIP_MEAN, CLIP_STD
from molre.errors import MolreError
from tests.helpers.backbones.checkpoints import add, drop, embed, pixels, read, save, shaken

CONTRACT = Contract(size=64)
SMALL = {"embed_dim": 64, "depth": 3, "num_heads": 2}


def network() -> torch.nn.Module:
    return shaken(timm.create_model("vit_base_patch16_224", num_classes=0, img_size=64, **SMALL))


def write(model: torch.nn.Module, folder: Path) -> Path:
    """Both towers in one file, as open_clip keeps them."""
    state = {f"visual.trunk.{name}": tensor for name, tensor in model.state_dict().items()}
    state |= {"visual.head.proj.weight": torch.zeros(8, 64), "logit_scale": torch.zeros(1)}
    state |= {"text.transformer.embeddings.word_embeddings.weight": torch.zeros(4, 4)}
    save(state, folder / "open_clip_model.safetensors")
    vision = {"timm_model_name": "vit_base_patch16_224", "timm_model_pretrained": False}
    vision |= {"timm_pool": "", "timm_proj": "linear", "image_size": 64, "timm_model_kwargs": SMALL}
    config = {"model_cfg": {"embed_dim": 8, "vision_cfg": vision, "text_cfg": {}}}
    config["preprocess_cfg"] = {"mean": CLIP_MEAN, "std": CLIP_STD}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder / "open_clip_model.safetensors"


@pytest.mark.parametrize("size", [64, 96])
def test_embedding_is_timms_class_token(size: int, tmp_path: Path):
    model = network()
    write(model, tmp_path)
    backbone = read("biomedclip", model, tmp_path, contract=Contract(size=size))
    found, images = embed(backbone, pixels(backbone)), pixels(backbone)
    direct = timm.create_model(
        "vit_base_patch16_224", num_classes=0, img_size=64, dynamic_img_size=True, **SMALL
    ).eval()
    direct.load_state_dict(model.state_dict())
    with torch.inference_mode():
        wanted = direct.forward_features(images)
    torch.testing.assert_close(found.pooled, wanted[:, 0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.tokens, wanted[:, 1:], atol=1e-5, rtol=1e-5)
    assert (backbone.dim, found.grid) == (64, (size // 16, size // 16))


def test_sites(tmp_path: Path):
    model = network()
    write(model, tmp_path)
    found = read("biomedclip", model, tmp_path, contract=CONTRACT).network
    sites = last_blocks(found, 1.0, 2, 2, 4)
    assert {name.rsplit(".", 1)[-1] for name in sites.layers} == {"qkv"}
    assert (len(sites.layers), sites.blocks) == (3, 3)
    assert len(attention_projections(found).layers) == 2 * 3


def test_a_missing_tensor_is_named(tmp_path: Path):
    model = network()
    drop(write(model, tmp_path), "trunk.blocks.1.mlp.fc1.weight")
    with pytest.raises(MolreError, match="lacks 1 tensors of vit_base_.* with blocks.1.mlp"):
        read("biomedclip", model, tmp_path, contract=CONTRACT)


def test_a_tensor_too_many_is_named(tmp_path: Path):
    model = network()
    add(write(model, tmp_path), "visual.trunk.head.weight")
    with pytest.raises(MolreError, match="beyond the network, 1 tensors .* with head.weight"):
        read("biomedclip", model, tmp_path, contract=CONTRACT)


def test_the_published_pickle_is_never_opened(tmp_path: Path):
    (tmp_path / "open_clip_config.json").write_text("{}")
    (tmp_path / "open_clip_pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(MolreError, match="only pickled weights .* never opens.*safetensors"):
        read("biomedclip", network(), tmp_path)


@pytest.mark.parametrize("name", ["hf-hub:somebody/evil", "local-dir:/tmp", "../evil", "resnet10t"])
def test_a_tower_that_is_an_address_or_no_transformer(name: str, tmp_path: Path):
    model = network()
    write(model, tmp_path)
    config = json.loads((tmp_path / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["timm_model_name"] = name
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(MolreError, match="not a configuration|timm cannot build resnet10t"):
        read("biomedclip", model, tmp_path, contract=CONTRACT)


def test_a_configuration_cannot_name_a_file_to_open(tmp_path: Path):
    model = network()
    write(model, tmp_path)
    config = json.loads((tmp_path / "open_clip_config.json").read_text())
    torch.save(model.state_dict(), tmp_path / "pickle.pt")
    options = config["model_cfg"]["vision_cfg"]["timm_model_kwargs"]
    options["checkpoint_path"] = str(tmp_path / "pickle.pt")
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    (tmp_path / "pickle.pt").write_bytes(b"not even a pickle")
    assert read("biomedclip", model, tmp_path, contract=CONTRACT).dim == 64


@pytest.mark.parametrize("text", ["", "[]", '{"model_cfg": {"vision_cfg": {"layers": 12}}}'])
def test_a_configuration_that_is_none(text: str, tmp_path: Path):
    model = network()
    write(model, tmp_path)
    (tmp_path / "open_clip_config.json").write_text(text)
    with pytest.raises(MolreError, match="is not a configuration of open_clip with a timm tower"):
        read("biomedclip", model, tmp_path)
