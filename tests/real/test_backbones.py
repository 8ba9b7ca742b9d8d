"""The real ViT-S through ``hf:``, against the library that it was made for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load
from molre.ct.read import read
from molre.embedding.embed import embed_volume
from molre.embedding.pixels import to_pixels

NAME = "vit_small_patch14_imgfocus"


@pytest.fixture(scope="module")
def vit(shared: Path) -> Backbone:
    return load(f"hf:{shared / 'weights' / NAME}")


def test_is_what_it_says(vit: Backbone):
    assert (vit.name, vit.dim, vit.contract.size) == (f"hf:{NAME}", 384, 224)
    assert sum(p.numel() for p in vit.parameters()) == pytest.approx(22.06e6, rel=1e-3)


@pytest.fixture(scope="module")
def patient(vit: Backbone, shared: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels of one real study, and its embeddings."""
    volume = read(shared / "data" / "ge_hispeed_head_tilt")
    pixels, source = to_pixels(volume, vit.contract)
    found, again = embed_volume(volume, vit)
    assert again.tolist() == source.tolist()
    return pixels, found


def test_a_patients_embedding_is_the_librarys_own(vit: Backbone, patient, shared: Path):
    from transformers import Dinov2Model

    pixels, found = patient
    library = Dinov2Model.from_pretrained(shared / "weights" / NAME, dtype=torch.float32).eval()
    with torch.inference_mode():
        wanted = library(pixel_values=pixels[::7]).pooler_output
    assert found.shape == (len(pixels), 384)
    torch.testing.assert_close(found[::7], wanted, atol=1e-4, rtol=1e-4)
    assert found.half().isfinite().all()


def test_neighboring_slices_are_alike_and_distant_ones_are_not(patient):
    _, found = patient
    likeness = torch.nn.functional.cosine_similarity(found[:, None], found[None], dim=-1)
    assert likeness.diagonal(1).mean() > likeness.diagonal(10).mean()
    assert likeness[0, -1] < 0.95
