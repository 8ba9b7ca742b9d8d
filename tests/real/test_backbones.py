"""The real ViT-S of ../shared/weights, through the catalogue and on a real scan."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molre import read
from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load
from molre.embedding.one_series import embed_volume

NAME = "vit_small_patch14_imgfocus"


@pytest.fixture(scope="module")
def vit(shared: Path) -> Backbone:
    return load(f"hf:{shared / 'weights' / NAME}")


def test_float16_weights_are_used_in_float32(vit: Backbone) -> None:
    assert {p.dtype for p in vit.parameters()} == {torch.float32}
    assert vit.dim == 384
    assert sum(p.numel() for p in vit.parameters()) == pytest.approx(22.06e6, rel=0.01)


def test_pooled_is_the_normalized_class_token(vit: Backbone, shared: Path) -> None:
    from transformers import Dinov2Model

    theirs = Dinov2Model.from_pretrained(shared / "weights" / NAME, dtype=torch.float32).eval()
    pixels = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        features = vit(pixels)
        hidden = theirs(pixel_values=pixels).last_hidden_state
    torch.testing.assert_close(features.pooled, hidden[:, 0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(features.tokens, hidden[:, 1:], atol=1e-4, rtol=1e-4)
    assert features.grid == (16, 16)


def test_a_model_finds_its_weights_again_by_name_and_hash(vit: Backbone, shared: Path) -> None:
    assert vit.name == f"hf:{NAME}"
    again = load(vit.name, weights_dir=shared / "weights")
    assert again.weights == vit.weights


def test_a_real_scan_is_embedded_slice_by_slice(vit: Backbone, shared: Path) -> None:
    volume = read(shared / "data" / "ge_hispeed_head_tilt")
    embeddings, index = embed_volume(volume, vit)
    # 28 slices; two of them lie 1.08 mm apart and are averaged
    assert embeddings.shape == (27, 384)
    assert index.tolist() == sorted(set(index.tolist()))
    assert torch.isfinite(embeddings).all()
    neighbors = torch.cosine_similarity(embeddings[:-1], embeddings[1:]).mean()
    far = torch.cosine_similarity(embeddings[:10], embeddings[-10:]).mean()
    assert neighbors > far
