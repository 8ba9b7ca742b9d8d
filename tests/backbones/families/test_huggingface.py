"""``hf:``: small checkpoints in each family's own layout, written and read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers as hf

from molre.backbones.catalogue import load
from molre.backbones.contract import Contract
from molre.errors import MolreError

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
TEXT = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, **SMALL}
VIT = {"image_size": 64, "patch_size": 32, **SMALL}


def vit() -> hf.PreTrainedModel:
    return hf.ViTModel(hf.ViTConfig(**VIT))


def vit_without_pooler() -> hf.PreTrainedModel:
    return hf.ViTForImageClassification(hf.ViTConfig(**VIT))


def dinov2() -> hf.PreTrainedModel:
    return hf.Dinov2Model(hf.Dinov2Config(image_size=98, patch_size=14, **SMALL))


def dinov3() -> hf.PreTrainedModel:
    return hf.DINOv3ViTModel(hf.DINOv3ViTConfig(image_size=224, patch_size=16, **SMALL))


def siglip() -> hf.PreTrainedModel:
    return hf.SiglipModel(hf.SiglipConfig(vision_config=VIT, text_config=TEXT))


def siglip_without_head() -> hf.PreTrainedModel:
    return hf.SiglipVisionModel(hf.SiglipVisionConfig(vision_use_head=False, **VIT))


def clip() -> hf.PreTrainedModel:
    return hf.CLIPModel(hf.CLIPConfig(vision_config=VIT, text_config=TEXT))


def swin() -> hf.PreTrainedModel:
    return hf.SwinModel(hf.SwinConfig(embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]))


def resnet() -> hf.PreTrainedModel:
    config = hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 32], depths=[1, 1, 1, 1])
    return hf.ResNetModel(config)


def write(network: hf.PreTrainedModel, folder: Path) -> Path:
    network.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("family", "dim", "tokens", "pooled"),
    [
        (vit, 32, 49, "pooler"),
        (vit_without_pooler, 32, 49, "cls"),
        (dinov2, 32, 256, "cls"),
        (dinov3, 32, 196, "cls"),
        (siglip, 32, 49, "pooler"),
        (siglip_without_head, 32, 49, "mean"),
        (clip, 32, 49, "pooler"),
        (swin, 64, 49, "pooler"),
        (resnet, 32, 49, "mean"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_reads_a_family(family, dim: int, tokens: int, pooled: str, tmp_path: Path) -> None:
    network = family().eval()
    backbone = load(f"hf:{write(network, tmp_path / 'checkpoint')}")
    pixels = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        found = backbone(pixels)
        tower = getattr(network, "vision_model", getattr(network, "vit", network))
        try:
            theirs = tower(pixel_values=pixels, interpolate_pos_encoding=True)
        except TypeError:  # a family without position embeddings to resample
            theirs = tower(pixel_values=pixels)
    hidden = theirs.last_hidden_state
    wanted = {
        "cls": lambda: hidden[:, 0],
        "pooler": lambda: theirs.pooler_output,
        "mean": lambda: hidden.flatten(2).mean(2) if hidden.ndim == 4 else hidden.mean(1),
    }[pooled]()
    assert backbone.dim == dim
    assert found.tokens.shape == (2, tokens, dim)
    assert found.grid[0] * found.grid[1] == tokens
    torch.testing.assert_close(found.pooled, wanted.flatten(1), atol=1e-5, rtol=1e-4)


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    backbone = load(f"hf:{write(dinov2().half(), tmp_path / 'half')}")
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in backbone.parameters())


def test_a_model_keeps_name_and_hash_but_no_path(tmp_path: Path) -> None:
    folder = write(dinov2(), tmp_path / "mine")
    backbone = load(f"hf:{folder}")
    assert backbone.name == "hf:mine"
    assert backbone.weights.id == "mine"
    assert str(tmp_path) not in json.dumps(backbone.weights.to_dict())


@pytest.mark.parametrize("place", ["", "mine", "somebody/mine"])
def test_weights_dir_is_searched(place: str, tmp_path: Path) -> None:
    write(dinov2(), tmp_path / place)
    backbone = load("hf:somebody/mine", weights_dir=tmp_path)
    again = load(backbone.name, weights_dir=tmp_path / place)
    assert again.weights.sha256 == backbone.weights.sha256


def test_a_size_that_patches_do_not_divide_is_refused(tmp_path: Path) -> None:
    folder = write(dinov2(), tmp_path / "mine")
    with pytest.raises(MolreError, match="do not divide into patches of 14"):
        load(f"hf:{folder}", contract=Contract(size=225))


def test_the_default_size_is_the_networks_where_224_does_not_fit(tmp_path: Path) -> None:
    network = hf.Dinov2Model(hf.Dinov2Config(image_size=90, patch_size=15, **SMALL))
    assert load(f"hf:{write(network, tmp_path / 'mine')}").contract.size == 90


def test_channels_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    config = hf.Dinov2Config(image_size=98, patch_size=14, num_channels=1, **SMALL)
    folder = write(hf.Dinov2Model(config), tmp_path / "gray")
    with pytest.raises(MolreError, match="does not take 3 x 224"):
        load(f"hf:{folder}")
    one = Contract(size=98, windows=((40, 80),), mean=(0.5,), std=(0.2,))
    assert load(f"hf:{folder}", contract=one).dim == 32


def test_random_weights_are_never_used_silently(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = write(dinov2(), tmp_path / "mine") / "model.safetensors"
    state = load_file(path)
    dropped = next(name for name in state if "layer.1" in name or "layers.1" in name)
    save_file({k: v for k, v in state.items() if k != dropped}, path, {"format": "pt"})
    with pytest.raises(MolreError, match="lacks 1 tensor"):
        load(f"hf:{path.parent}")


def test_a_language_model_is_refused(tmp_path: Path) -> None:
    folder = write(hf.BertModel(hf.BertConfig(vocab_size=50, **SMALL)), tmp_path / "bert")
    with pytest.raises(MolreError, match="not a vision model"):
        load(f"hf:{folder}")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = write(dinov2(), tmp_path / "mine")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(MolreError, match="never opens"):
        load(f"hf:{folder}")


def test_remote_code_is_never_run(tmp_path: Path) -> None:
    folder = write(dinov2(), tmp_path / "mine")
    config = json.loads((folder / "config.json").read_text())
    ran = tmp_path / "ran"
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w')\n")
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModel": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(MolreError):
        load(f"hf:{folder}")
    assert not ran.exists()


@pytest.mark.parametrize("damage", ["config", "weights"])
def test_damaged_checkpoints_are_one_sentence(damage: str, tmp_path: Path) -> None:
    folder = write(dinov2(), tmp_path / "mine")
    name = "config.json" if damage == "config" else "model.safetensors"
    (folder / name).write_bytes((folder / name).read_bytes()[:50])
    with pytest.raises(MolreError) as caught:
        load(f"hf:{folder}")
    assert "\n" not in caught.value.message


def test_absent_checkpoints_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MolreError, match="no transformers checkpoint"):
        load(f"hf:{tmp_path}")
    with pytest.raises(MolreError, match="no transformers checkpoint"):
        load("hf:somebody/mine", weights_dir=tmp_path)
    with pytest.raises(
        MolreError, match=r"not on this machine and cannot be fetched.*--weights-dir"
    ):
        load("hf:somebody/mine")
