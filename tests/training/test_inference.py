"""A split is answered in its own order, however it is cut into batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from molre.training.inference import macro_auc, predict
from tests.helpers.training.scans import K, loader, new_model


@pytest.mark.parametrize("kind", ["molre", "none"])
def test_a_split_is_what_its_scans_are_one_by_one(kind: str) -> None:
    whole, model = loader(21, 1), new_model(kind).train()
    got = predict(model, whole)
    assert not model.training
    alone = predict(model, replace(whole, batch_size=1))
    np.testing.assert_allclose(got.logits, alone.logits, atol=1e-5)
    assert got.logits.shape == (21, K)
    if kind == "none":
        assert got.gates is alone.gates is got.entropy is None
        return
    assert got.gates is not None
    slices = sum(len(whole.cache.get(h)) for h in whole.studies.content_hash)
    assert got.gates.shape[0] == slices
    assert torch.allclose(got.gates.sum(1), torch.ones(slices))
    assert got.entropy == pytest.approx(1, abs=0.01)


def test_the_mean_auc_is_over_the_findings_that_have_both_classes() -> None:
    logits = np.array([[0.0, 5, 1], [1, 5, 2], [2, 5, 3], [3, 5, 4]], dtype=np.float32)
    targets = np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0], [1, 0, np.nan]], dtype=np.float32)
    assert macro_auc(targets, logits) == pytest.approx((1.0 + 0.0) / 2)
    assert macro_auc(targets[:, 1:2], logits[:, 1:2]) == 0.5
