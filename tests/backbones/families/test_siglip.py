"""The towers of MedSigLIP and MedGemma out of whole checkpoints, against transformers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file

from molre.arms.sites import attention_projections, last_blocks
from molre.backbones.catalogue import presets
from molre.backbones.families.siglip import HALF
from molre.embedding.pixels import to_pixels
from molre.errors import MolreError
from tests.helpers.backbones.checkpoints import add, drop, embed, pixels, read, save, shaken
from tests.helpers.embedding.volumes import noise

VISION = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
VISION |= {"num_attention_heads": 2, "image_size": 56, "patch_size": 14}
TEXT = {"vocab_size": 40, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
TEXT |= {"num_attention_heads": 2, "max_position_embeddings": 8}


def tower(head: bool) -> hf.PreTrainedModel:
    config = hf.SiglipVisionConfig(**VISION, vision_use_head=head)
    return shaken(hf.SiglipVisionModel(config))


def parts(model: hf.PreTrainedModel) -> dict[str, torch.Tensor]:
    """A tower's tensors without a prefix, whatever transformers is installed."""
    state = model.state_dict()
    return {name.removeprefix("vision_model."): tensor for name, tensor in state.items()}


def write_medsiglip(model: hf.PreTrainedModel, folder: Path) -> Path:
    """Two towers and their temperature, as google/medsiglip-448 is."""
    state = {f"vision_model.{name}": tensor for name, tensor in parts(model).items()}
    state |= {"text_model.embeddings.token_embedding.weight": torch.zeros(40, 64)}
    state |= {"logit_scale": torch.zeros(1), "logit_bias": torch.zeros(1)}
    save(state, folder / "model.safetensors")
    config = {"model_type": "siglip", "text_config": TEXT}
    vision = {**VISION, "model_type": "siglip_vision_model"}
    (folder / "config.json").write_text(json.dumps({**config, "vision_config": vision}))
    return folder


def write_medgemma(model: hf.PreTrainedModel, folder: Path, prefix: str) -> Path:
    """Two shards and their index, the tower in the first, as Gemma 3 checkpoints are."""
    vision = {prefix + name: tensor for name, tensor in parts(model).items()}
    language = {"language_model.model.norm.weight": torch.zeros(8)}
    files = {"model-00001-of-00002.safetensors": vision | {"extra.weight": torch.zeros(2)}}
    files["model-00002-of-00002.safetensors"] = language
    for name, state in files.items():
        save(state, folder / name)
    index = {key: name for name, state in files.items() for key in state}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    settings = {**VISION, "model_type": "siglip_vision_model", "vision_use_head": False}
    (folder / "config.json").write_text(
        json.dumps({"model_type": "gemma3", "vision_config": settings})
    )
    return folder


def contract(name: str, size: int = 56):
    return presets()[name].contract.model_copy(update={"size": size})


@pytest.mark.parametrize("size", [56, 84])
def test_medsiglip_is_pooled_by_its_own_head(size: int, tmp_path: Path):
    model = tower(head=True)
    write_medsiglip(model, tmp_path)
    backbone = read("medsiglip", model, tmp_path, contract=contract("medsiglip", size))
    found, images = embed(backbone, pixels(backbone)), pixels(backbone)
    with torch.inference_mode():
        wanted = model(pixel_values=images, interpolate_pos_encoding=True)
    torch.testing.assert_close(found.pooled, wanted.pooler_output, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.tokens, wanted.last_hidden_state, atol=1e-5, rtol=1e-5)
    assert found.grid == (size // 14, size // 14)


@pytest.mark.parametrize("name", ["medsiglip", "medgemma"])
@pytest.mark.parametrize("edge", [512, 300])
def test_pixels_are_what_the_publishers_processor_makes_of_windowed_images(name: str, edge: int):
    """Three windows as an 8-bit image, then transformers' own image processor."""
    volume, own = noise(1, edge), presets()[name].contract
    images = [
        np.rint(255 * np.clip((volume.hu[0] - w.low) / w.width, 0, 1)).astype(np.uint8)
        for w in own.channels
    ]
    size = {"height": own.size, "width": own.size}
    processor = hf.SiglipImageProcessor(size=size, resample=2, image_mean=HALF, image_std=HALF)
    wanted = processor(np.stack(images, -1), return_tensors="pt", input_data_format="channels_last")
    found, _ = to_pixels(volume, own)
    difference = (found - wanted["pixel_values"]).abs()
    assert difference.max() <= 2.01 * 2 / 255  # PIL and torch round a level apart
    assert difference.mean() < 0.25 * 2 / 255


SPELLINGS = ["vision_tower.vision_model.", "model.vision_tower.vision_model.", "vision_tower."]


@pytest.mark.parametrize("prefix", SPELLINGS)
def test_medgemma_is_the_mean_of_its_towers_tokens(prefix: str, tmp_path: Path):
    model = tower(head=False)
    write_medgemma(model, tmp_path, prefix)
    backbone = read("medgemma", model, tmp_path, contract=contract("medgemma"))
    found, images = embed(backbone, pixels(backbone)), pixels(backbone)
    with torch.inference_mode():
        wanted = model(pixel_values=images).last_hidden_state
    torch.testing.assert_close(found.pooled, wanted.mean(1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.tokens, wanted, atol=1e-5, rtol=1e-5)


def test_the_language_model_need_not_be_there(tmp_path: Path):
    model = tower(head=False)
    write_medgemma(model, tmp_path, SPELLINGS[0])
    whole = read("medgemma", model, tmp_path, contract=contract("medgemma"))
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    backbone = read("medgemma", model, tmp_path, contract=contract("medgemma"))
    assert backbone.weights.sha256 == whole.weights.sha256


def test_the_towers_shard_must_be_there(tmp_path: Path):
    model = tower(head=False)
    write_medgemma(model, tmp_path, SPELLINGS[0])
    (tmp_path / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(MolreError, match="model-00001-of-00002.safetensors is missing"):
        read("medgemma", model, tmp_path, contract=contract("medgemma"))


def test_sites_are_in_the_encoder_and_never_in_the_pooling_head(tmp_path: Path):
    model = tower(head=True)
    write_medsiglip(model, tmp_path)
    network = read("medsiglip", model, tmp_path, contract=contract("medsiglip")).network
    sites = last_blocks(network, 1.0, 2, 2, 4)
    assert all("encoder.layers." in name for name in sites.layers)
    assert {name.rsplit(".", 1)[-1] for name in sites.layers} == {"q_proj", "v_proj"}
    assert (len(sites.layers), sites.blocks) == (6, 3)
    every = attention_projections(network).layers
    assert all("encoder.layers." in name for name in every)
    assert len(every) == 4 * 3


@pytest.mark.parametrize("part", ["encoder.layers.1.mlp.fc2", "head.probe", "post_layernorm"])
def test_a_missing_tensor_is_named(part: str, tmp_path: Path):
    model = tower(head=True)
    path = write_medsiglip(model, tmp_path) / "model.safetensors"
    drop(path, f"vision_model.{part}")
    with pytest.raises(MolreError, match="lacks 1 tensors of SiglipVisionModel"):
        read("medsiglip", model, tmp_path, contract=contract("medsiglip"))


def test_a_tensor_too_many_is_named(tmp_path: Path):
    model = tower(head=True)
    path = write_medsiglip(model, tmp_path) / "model.safetensors"
    add(path, "vision_model.encoder.layers.7.mlp.fc1.bias")
    with pytest.raises(MolreError, match="beyond the network, 1 tensors"):
        read("medsiglip", model, tmp_path, contract=contract("medsiglip"))


def test_a_checkpoint_of_text_alone(tmp_path: Path):
    save({"text_model.x": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gemma3_text"}))
    with pytest.raises(MolreError, match="holds no SigLIP vision tower"):
        read("medgemma", tower(head=False), tmp_path)


def test_the_first_shard_was_written_as_published(tmp_path: Path):
    write_medgemma(tower(head=False), tmp_path, SPELLINGS[0])
    names = load_file(tmp_path / "model-00001-of-00002.safetensors")
    assert "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight" in names
