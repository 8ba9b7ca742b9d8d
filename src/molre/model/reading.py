"""Reading: a prediction with what a report shows beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.ct.volume import Volume
from molre.model.eligibility import Reason
from molre.model.prediction import Prediction


@dataclass(frozen=True)
class Reading:
    """A prediction with what a report shows beside it.

    Attributes:
        prediction: the answer.
        volume: what was read.
        probabilities: float64 (K,), also where they are withheld; never written then.
        attention: float32 (S', K), each finding's weights over the embedded slices.
        index: int (S',), the volume's slice in the middle of each embedded slice; of a 3D backbone
            S' is 1 and stands for the whole volume.
        withheld: why the prediction is withheld, by rule; its ``reasons`` are the sentences.
    """

    prediction: Prediction
    volume: Volume
    probabilities: np.ndarray
    attention: np.ndarray
    index: np.ndarray
    withheld: tuple[Reason, ...] = ()
