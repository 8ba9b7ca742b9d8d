"""How many slices go through a backbone at once is no part of the result."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load
from molre.ct.volume import Volume
from molre.embedding import one_series as module
from molre.embedding.one_series import embed_volume
from tests.helpers.embedding.volumes import stack


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load("efficientnet_lite0")


@pytest.fixture(scope="module")
def volume() -> Volume:
    row, column = np.mgrid[0:64, 0:64] - 32
    head = np.select([np.hypot(row, column) < 20, np.hypot(row, column) < 24], [35, 900], -1000)
    return stack(head[None] + np.random.default_rng(0).integers(-20, 20, (9, 64, 64)))


@pytest.mark.parametrize("chunk", [1, 2, 9, 16])
def test_embeddings_do_not_depend_on_the_chunk(chunk, backbone, volume, monkeypatch):
    wanted, source = embed_volume(volume, backbone)
    monkeypatch.setattr(module, "CHUNK", chunk)
    found, again = embed_volume(volume, backbone)
    assert again.tolist() == source.tolist() == list(range(9))
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_every_slice_has_an_embedding_of_its_own(backbone, volume):
    found, _ = embed_volume(volume, backbone)
    assert found.dtype == torch.float32
    assert torch.pdist(found).min() > 0
