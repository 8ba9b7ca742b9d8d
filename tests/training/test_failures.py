"""What ends a fit names its studies, the first four of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from molre.training.data import Batch
from molre.training.failures import NotFinite, device_failed, loss_not_finite, refuse_not_finite
from molre.training.inference import Outputs
from tests.helpers.training.scans import loader, new_model


def batch(*bad: int) -> Batch:
    """Ten scans, some of them with an embedding that is not finite."""
    made = next(replace(loader(10, 1), batch_size=10).in_order())
    for row in bad:
        made.embeddings[row, 0, 0] = float("nan")
    return made


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ((7,), "for study 1-7"),
        ((3, 7), "for studies 1-3, 1-7"),
        ((0, 1, 2, 3, 4, 5), "for studies 1-0, 1-1, 1-2, 1-3 and 2 more"),
        ((), "for studies 1-0, 1-1, 1-2, 1-3 and 6 more"),
    ],
)
def test_the_studies_whose_scores_are_not_finite_are_named_or_all(bad, said) -> None:
    error = loss_not_finite(new_model(), batch(*bad), loader(10, 1).studies)
    assert error.what == f"the loss is not finite {said}"
    assert "learning_rates" in str(error)


def test_a_device_that_fails_is_quoted_in_one_line() -> None:
    error = device_failed(RuntimeError("CUDA error\nmore"), batch(), loader(10, 1).studies)
    assert error.what.startswith("the device failed (CUDA error) on studies 1-0, 1-1")
    assert "Run the same command again" in str(error)


def test_an_answer_that_is_not_finite_is_refused() -> None:
    studies, logits = loader(3, 1).studies, np.zeros((3, 2), np.float32)
    refuse_not_finite(Outputs(logits, None), studies)
    logits[1, 0] = np.inf
    with pytest.raises(NotFinite, match="answer is not finite for study 1-1"):
        refuse_not_finite(Outputs(logits, torch.zeros(3, 2)), studies)
