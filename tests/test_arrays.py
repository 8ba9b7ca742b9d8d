"""What numbers are computed from."""

from __future__ import annotations

from typing import get_args

import numpy as np

from molre.arrays import FloatArray


def test_numbers_of_an_evaluation_are_doubles() -> None:
    assert get_args(FloatArray)[1] == np.dtype[np.float64]
