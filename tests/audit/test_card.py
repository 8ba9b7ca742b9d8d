"""The model card: each number in it is in the run's files, and results change no model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from safetensors.torch import load_file

from molre.cohort.population import SMALL
from molre.ct.dicom.age import ADULT_YEARS
from molre.evaluation.calibration import ENOUGH
from molre.evaluation.endpoint import MINIMUM
from molre.evaluation.statistics.bootstrap import DRAWS
from molre.model import folder
from molre.workflows.evaluate_run import evaluate_and_report

NUMBER = re.compile(r"(?<![\w.`-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w`])")
# of the method: level, endpoint's minimum, smallest group, age, draws, what an epoch counts from
STATED = {95, MINIMUM, ENOUGH, SMALL, ADULT_YEARS, DRAWS, 0, 1}
LABELS = r"(?:under )?\d+(?:\.\d+)?(?: to \d+(?:\.\d+)?| and over)?:"  # of bands in the population


def numbers(values: Any) -> Iterator[float]:
    if isinstance(values, dict):
        for value in values.values():
            yield from numbers(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from numbers(value)
    elif isinstance(values, int | float) and values == values:
        yield float(values)


def numbers_of(run: Path) -> list[float]:
    """All numbers in the run's own files."""
    found = list(numbers(yaml.safe_load((run / "config.yaml").read_text())))
    for name in ("manifest.json", "data.json", "model/model.json"):
        found += numbers(json.loads((run / name).read_text()))
    metrics = pl.read_parquet(run / "metrics.parquet")
    found += numbers(metrics.to_dicts())
    groups = pl.read_parquet(run / "subgroups.parquet")
    found += numbers(groups.to_dicts())
    found += [float(text) for name in groups["group"] for text in NUMBER.findall(name)]
    for row in metrics.to_dicts():  # sensitivity 0.9 of 20 is shown as 18/20
        for name in ("sensitivity", "specificity"):
            if row[name] is not None:
                found.append(round(row[name] * row[f"{name}_n"]))
    tensors = load_file(run / "model" / "model.safetensors")
    found += [float(tensors["familiarity.threshold"]), tensors["familiarity.axes"].shape[0]]
    found.append(100 * json.loads((run / "manifest.json").read_text())["added_share"])
    labels = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "test")
    found += [labels["study"].n_unique(), labels["patient"].n_unique(), labels.height]
    found.append(metrics.filter(pl.col("in_endpoint"))["n"].sum())  # of the pooled calibration
    found += [float(text) for text in NUMBER.findall(metrics["status"][-1])]  # distinct findings
    return [*found, metrics["in_endpoint"].sum(), metrics.height - 1, *STATED]


def test_each_number_in_the_card_is_in_the_runs_files(trained):
    run = trained / "run"
    card = re.sub(LABELS, "", (run / "model" / "README.md").read_text())
    assert "Calibration, all" in card
    known = numbers_of(run)
    shown = NUMBER.findall(card)
    assert len(shown) > 40
    for text in shown:
        value, digits = float(text.replace(",", "")), len(text.partition(".")[2])
        near = 0.5000001 * 10**-digits
        assert any(abs(abs(one) - value) <= near for one in known), text


def test_the_card_has_its_parts_and_says_synthetic(trained):
    card = (trained / "run" / "model" / "README.md").read_text()
    for part in (
        "Intended use", "Population", "Training data and labels", "Method",
        "Performance on test", "Subgroups", "Withholding", "Limitations",
    ):  # fmt: skip
        assert f"## {part}" in card
    assert "**Synthetic**" in card


def test_evaluating_changes_the_card_and_not_the_models_name(run):
    before = folder.load(run / "model").sha256
    folder.write_card(run / "model", "# another card\n")
    assert folder.load(run / "model").sha256 == before
    evaluate_and_report(run)
    assert folder.load(run / "model").sha256 == before
    assert "another card" not in (run / "model" / "README.md").read_text()


def test_a_card_that_was_cut_off_is_mended_by_evaluating_again(run):
    card = (run / "model" / "README.md").read_text()
    (run / "model" / "README.md").write_text(card[:100])
    evaluate_and_report(run)
    folder.load(run / "model")
    assert (run / "model" / "README.md").read_text() == card
