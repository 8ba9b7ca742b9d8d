"""molre turns a vision foundation model into a reader of non-contrast head CT.

Research software, not a medical device. Ten names, imported when first used::

    volume = molre.read("study/")           # DICOM file, folder or zip, or a NIfTI
    predict = molre.load("run/model")
    prediction = predict(volume)
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "read": "molre.ct.read",
    "Volume": "molre.ct.volume",
    "load": "molre.pipeline",
    "Prediction": "molre.model.prediction",
    "ingest": "molre.cohort.ingest",
    "embed": "molre.embedding.embed",
    "train": "molre.training.train",
    "evaluate": "molre.evaluation.evaluate",
    "compare": "molre.evaluation.comparison.compare",
    "MoLREConfig": "molre.adapter",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'molre' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
