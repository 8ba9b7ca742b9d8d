"""prediction.json: the versioned schema, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from molre import files
from molre.model.prediction import Prediction


def write_prediction(prediction: Prediction, path: Path) -> None:
    """Write a prediction as indented JSON."""
    files.write_text(path, prediction.model_dump_json(indent=2) + "\n")
