"""molre turns a vision foundation model into a reader of non-contrast head CT.

Research software, not a medical device. The main path in its names, imported when first used::

    molre.ingest("scans", "cohort")
    molre.label("cohort", "labels.csv")
    molre.split("cohort")
    run = molre.train("cohort", "runs/molre-0", arm="molre", seed=0)
    molre.evaluate(run)
    reader = molre.load(run / "model")
    for answer in molre.predict(reader, "new_scans"):
        print(answer.place, answer.prediction.status)

Wherever a path is taken, a text does as well as a Path; where several are, one does.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {  # in the order of the main path; module and name there
    "read": ("molre.ct.read", "read"),
    "Volume": ("molre.ct.volume", "Volume"),
    "ingest": ("molre.cohort.ingest", "ingest"),
    "label_reports": ("molre.workflows.label_reports", "label_reports"),
    "label": ("molre.cohort.match", "match_labels"),
    "split": ("molre.cohort.split", "split"),
    "embed": ("molre.embedding.embed", "embed"),
    "train": ("molre.training.train", "train"),
    "evaluate": ("molre.evaluation.evaluate", "evaluate"),
    "compare": ("molre.evaluation.comparison.compare", "compare"),
    "load": ("molre.pipeline", "load"),
    "predict": ("molre.workflows.predict_studies", "predict"),
    "Prediction": ("molre.model.prediction", "Prediction"),
    "MoLREConfig": ("molre.adapter", "MoLREConfig"),
}

MAIN_PATH = tuple(_PUBLIC)
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'molre' has no attribute {name!r}")
    module, called = _PUBLIC[name]
    return getattr(importlib.import_module(module), called)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
