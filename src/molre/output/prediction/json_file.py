"""prediction.json: the versioned schema, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from molre import files
from molre.errors import MolreError
from molre.model.prediction import SCHEMA_VERSION, Prediction


def write_prediction(prediction: Prediction, path: Path) -> None:
    """Write a prediction as indented JSON."""
    files.write_text(path, prediction.model_dump_json(indent=2) + "\n")


def read_prediction(path: Path) -> Prediction:
    """Read a prediction.json of this schema version or the one before.

    Raises:
        MolreError: of a newer version, or damaged.
        OSError: it cannot be opened.
    """
    text = path.read_text(encoding="utf-8")
    try:
        version = json.loads(text)["schema_version"]
    except (ValueError, KeyError, TypeError):
        version = None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise MolreError(
            f"schema version {version} is newer than this molre can read ({SCHEMA_VERSION})",
            where=path,
            fix="upgrade molre",
        )
    try:
        return Prediction.model_validate_json(text)
    except ValidationError:
        raise MolreError("is damaged", where=path, fix="predict the study again") from None
