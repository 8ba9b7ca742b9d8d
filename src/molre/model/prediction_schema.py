"""The JSON schema of prediction.json, for those who read it without molre.

``prediction.schema.json`` beside this file is it, as published; it is written by
``python -m molre.model.prediction_schema`` and a test holds the two together.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from molre import files
from molre.model.prediction import SCHEMA_VERSION, Prediction

PUBLISHED = Path(__file__).with_name("prediction.schema.json")


def schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a prediction as it is written; ``$id`` names its version."""
    written = Prediction.model_json_schema(mode="serialization")
    written["description"] = written["description"].split("\n\nExamples:")[0]
    written["properties"]["schema_version"]["const"] = SCHEMA_VERSION
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:molre:prediction:{SCHEMA_VERSION}",
        **written,
    }


def as_text() -> str:
    """The published file."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    files.write_text(PUBLISHED, as_text())
