"""prediction.schema.json: what molre writes, described field by field for those who read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from molre.model.prediction import SCHEMA_VERSION, Prediction
from molre.model.prediction_schema import as_text, schema
from molre.output.prediction.json_file import read_prediction
from molre.pipeline import load
from molre.workflows.prediction_folder import write_predictions
from tests.helpers.cli.untrained import write_model
from tests.helpers.cohort.dicoms import write_study

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "prediction.md"
REMEDY = "run: python -m molre.model.prediction_schema"
MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}


def objects(whole: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every kind of object in the schema, the prediction last."""
    yield from whole["$defs"].items()
    yield "Prediction", whole


def named(part: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """A definition in place of a reference to it, alone or beside null."""
    for option in (part, *part.get("anyOf", ())):
        if "$ref" in option:
            return whole["$defs"][option["$ref"].split("/")[-1]]
    return part


def disagreements(value: Any, part: dict[str, Any], whole: dict[str, Any]) -> Iterator[str]:
    """Where the keys of a written value are not those of its schema."""
    part = named(part, whole)
    if isinstance(value, dict):
        if set(value) != set(part["properties"]) or set(part["required"]) != set(value):
            yield f"{part['title']}: {sorted(value)}"
        for key, inner in value.items():
            yield from disagreements(inner, part["properties"][key], whole)
    for inner in value if isinstance(value, list) else ():
        yield from disagreements(inner, part["items"], whole)


def test_the_published_schema_is_the_one_of_the_model() -> None:
    published = files("molre.model").joinpath("prediction.schema.json")
    assert published.read_text(encoding="utf-8") == as_text(), REMEDY
    assert json.loads(as_text())["$id"] == f"urn:molre:prediction:{SCHEMA_VERSION}"


def test_every_field_is_described() -> None:
    whole = schema()
    for kind, part in objects(whole):
        assert part["description"]
        for name, field in part["properties"].items():
            assert field.get("description") or named(field, whole)["description"], (kind, name)


def test_the_page_has_every_field_with_its_description() -> None:
    text, whole = PAGE.read_text(encoding="utf-8"), schema()
    for kind, part in objects(whole):
        for name, field in part["properties"].items():
            words = field.get("description") or named(field, whole)["description"]
            assert f"| `{name}` | {words} |" in text, (kind, name)


def test_what_predict_writes_is_what_the_schema_says(tmp_path: Path) -> None:
    write_study(tmp_path / "a", "1.2.10", slices=12, thickness=12.0)
    write_study(tmp_path / "b", "1.2.11", slices=3, **MR)
    reader = load(write_model(tmp_path / "model", familiar=True))
    written = write_predictions(reader, tmp_path, tmp_path / "out", even_if_withheld=True)
    found = sorted((tmp_path / "out").glob("*/prediction.json"))
    assert {p.status for p in written.predictions} == {"withheld", "refused"}
    assert len(found) == 2
    for path in found:
        value = json.loads(path.read_bytes())
        assert list(disagreements(value, schema(), schema())) == []
        assert Prediction.model_validate(value, strict=True) == read_prediction(path)
