"""Dropout noise is a function of seed, epoch and study, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from molre.training.parallel.dropout import DropoutNoise


def test_what_is_dropped_depends_on_seed_epoch_and_study_only() -> None:
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    one = DropoutNoise(7, 2, 0.3, 64).draw(np.array([4, 9]), mask)
    other = DropoutNoise(7, 2, 0.3, 64).draw(np.array([9]), mask[1:, :3])
    assert torch.equal(one[1, :3], other[0])
    assert not torch.equal(one, DropoutNoise(7, 3, 0.3, 64).draw(np.array([4, 9]), mask))
    assert not torch.equal(one, DropoutNoise(8, 2, 0.3, 64).draw(np.array([4, 9]), mask))
    many = DropoutNoise(0, 0, 0.3, 512).draw(np.arange(40), torch.ones(40, 30, dtype=torch.bool))
    assert float(many.mean()) == pytest.approx(1, abs=0.01)
    assert float((many == 0).float().mean()) == pytest.approx(0.3, abs=0.005)
