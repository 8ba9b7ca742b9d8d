"""Checkpoints as they lie on disk: cut into shards, in the hub's cache, larger images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers as hf

from molre.backbones import weight_files
from molre.backbones.catalogue import load
from molre.backbones.contract import Contract
from molre.errors import MolreError

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "patch_size": 16,
    "image_size": 64,
}
CONTRACT = Contract(size=64)
PIXELS = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def vit() -> hf.PreTrainedModel:
    return hf.ViTModel(hf.ViTConfig(**SMALL)).eval()


def embed(folder: Path) -> torch.Tensor:
    with torch.inference_mode():
        return load(f"hf:{folder}", contract=CONTRACT)(PIXELS).pooled


def test_a_checkpoint_in_shards_is_the_same_network(tmp_path: Path) -> None:
    network = vit()
    network.save_pretrained(tmp_path / "whole")
    network.save_pretrained(tmp_path / "parts", max_shard_size="30KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    assert torch.equal(embed(tmp_path / "whole"), embed(tmp_path / "parts"))


def test_the_hash_of_shards_follows_every_shard(tmp_path: Path) -> None:
    vit().save_pretrained(tmp_path, max_shard_size="30KB")
    shards = weight_files.safetensors_in(tmp_path)
    before = weight_files.hash_files(shards)
    for shard in shards:
        blob = bytearray(shard.read_bytes())
        blob[-1] ^= 1
        shard.write_bytes(blob)
        after = weight_files.hash_files(shards)
        assert after != before
        before = after


def test_a_shard_that_is_gone_is_refused(tmp_path: Path) -> None:
    vit().save_pretrained(tmp_path, max_shard_size="30KB")
    weight_files.safetensors_in(tmp_path)[1].unlink()
    with pytest.raises(MolreError, match="cannot be loaded|lacks"):
        load(f"hf:{tmp_path}", contract=CONTRACT)


def test_tensors_of_another_width_are_refused(tmp_path: Path) -> None:
    vit().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "hidden_size": 64}))
    with pytest.raises(MolreError, match="cannot be loaded"):
        load(f"hf:{tmp_path}", contract=CONTRACT)


@pytest.mark.parametrize("size", [32, 96])
def test_other_sizes_than_it_was_trained_on(size: int, tmp_path: Path) -> None:
    """The library's own interpolation of position embeddings."""
    network = vit()
    network.save_pretrained(tmp_path)
    pixels = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        wanted = network(pixel_values=pixels, interpolate_pos_encoding=True).pooler_output
        found = load(f"hf:{tmp_path}", contract=Contract(size=size))(pixels)
    torch.testing.assert_close(found.pooled, wanted, atol=1e-5, rtol=1e-5)
    assert found.grid == (size // 16, size // 16)


def test_an_id_is_taken_from_the_hubs_cache(tmp_path: Path, monkeypatch) -> None:
    """As a download leaves it: the name stays the ID, the revision is the commit's."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    model = tmp_path / "models--somebody--tiny"
    network = vit()
    network.save_pretrained(model / "snapshots" / commit)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(commit)
    backbone = load("hf:somebody/tiny", contract=CONTRACT)
    assert (backbone.name, backbone.weights.id) == ("hf:somebody/tiny", "somebody/tiny")
    assert backbone.weights.revision == commit
    with torch.inference_mode():
        wanted = network(pixel_values=PIXELS).pooler_output
        torch.testing.assert_close(backbone(PIXELS).pooled, wanted, atol=1e-5, rtol=1e-5)
