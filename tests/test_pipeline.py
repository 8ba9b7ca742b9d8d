"""The main path: which scans get probabilities, and each rule by which one does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from molre.backbones.catalogue import load as load_backbone
from molre.ct.read import read
from molre.ct.volume import Volume
from molre.model.familiarity import Familiarity
from molre.phantom.write import write_phantoms
from molre.pipeline import Reader
from tests.helpers.cli.untrained import untrained


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    """A whole head with a finding."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 1, seed=2, max_slices=14, workers=1)
    return read(folder / "study_00000")


@pytest.fixture(scope="module")
def reader() -> Reader:
    """A model of phantoms that was never trained, and that every scan is familiar to."""
    backbone = load_backbone("efficientnet_lite0")
    size = 2 * backbone.dim
    known = Familiarity(
        mean=torch.zeros(size, dtype=torch.float64),
        axes=torch.eye(1, size, dtype=torch.float64),
        variances=torch.ones(1, dtype=torch.float64),
        residual=torch.tensor(1.0, dtype=torch.float64),
        threshold=torch.tensor(1e6, dtype=torch.float64),
    )
    return Reader(untrained(known, backbone=backbone, slope=1.0), backbone)


def having(reader: Reader, **changes: object) -> Reader:
    """The same reader of a model that is described otherwise."""
    described = reader.model.description.model_copy(update=changes)
    return replace(reader, model=replace(reader.model, description=described))


def made(volume: Volume, **acquisition: object) -> Volume:
    return replace(volume, acquisition=replace(volume.acquisition, **acquisition))


def boneless(volume: Volume) -> Volume:
    return replace(volume, hu=np.minimum(volume.hu, np.int16(60)))


def half(volume: Volume) -> Volume:
    upper = slice(len(volume) // 2, None)
    return replace(
        volume, hu=volume.hu[upper], origins=volume.origins[upper], source=volume.source[upper]
    )


def test_a_scan_like_the_training_ones_is_scored(phantom: Volume, reader: Reader) -> None:
    prediction = reader(phantom)
    assert (prediction.status, prediction.reasons) == ("scored", [])
    assert all(0 <= finding.probability <= 1 for finding in prediction.findings)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (boneless, "not a head"),
        (half, "incomplete"),
        (lambda volume: made(volume, contrast=True), "contrast was given"),
        (lambda volume: made(volume, age=17.99), "age 17.99 is outside"),
        (lambda volume: made(volume, age=0.0), "age 0 is outside"),
    ],
    ids=["no skull", "half a head", "contrast", "a day before 18", "newborn"],
)
def test_a_scan_that_may_not_be_read_is_withheld(
    phantom: Volume, reader: Reader, change: Callable[[Volume], Volume], reason: str
) -> None:
    prediction = reader(change(phantom))
    assert prediction.status == "withheld"
    assert prediction.findings == []
    assert prediction.reasons
    assert all(reason in said for said in prediction.reasons)


@pytest.mark.parametrize(
    "known", [{"age": 18.0}, {"age": None}, {"contrast": None}, {"contrast": False}]
)
def test_what_is_unknown_or_right_withholds_nothing(
    phantom: Volume, reader: Reader, known: dict[str, object]
) -> None:
    assert reader(made(phantom, **known)).status == "scored"


def test_a_phantom_is_withheld_from_a_model_of_patients(phantom: Volume, reader: Reader) -> None:
    of_patients = having(reader, synthetic=False, trained_on="patients")
    prediction = of_patients(phantom)
    assert prediction.status == "withheld"
    assert prediction.reasons == ["a synthetic phantom, and the model was trained on patients"]
    assert of_patients(made(phantom, synthetic=False)).status == "scored"


def test_a_scan_far_from_the_training_ones_is_withheld(phantom: Volume, reader: Reader) -> None:
    near = replace(reader.model.familiarity, threshold=torch.tensor(1e-6, dtype=torch.float64))
    prediction = replace(reader, model=replace(reader.model, familiarity=near))(phantom)
    assert prediction.status == "withheld"
    assert "far from the training scans" in prediction.reasons[0]
    assert prediction.familiarity > 1


def test_probabilities_that_are_asked_for_leave_the_status(phantom: Volume, reader: Reader) -> None:
    prediction = reader(made(phantom, contrast=True), even_if_withheld=True)
    assert prediction.status == "withheld"
    assert len(prediction.findings) == 2


@pytest.mark.parametrize("few", [{"calibrate_positives": [0, 0]}, {"calibrate_negatives": [0, 0]}])
def test_no_probability_where_none_could_be_estimated(
    phantom: Volume, reader: Reader, few: dict[str, list[int]], tmp_path: Path
) -> None:
    from molre.output.prediction_html import write_prediction_report

    reading = having(reader, **few, calibrated=[False, False], thresholds={}).reading(phantom)
    assert reading.prediction.status == "scored"
    assert [finding.probability for finding in reading.prediction.findings] == [None, None]
    assert any("of one class" in words for words in reading.prediction.quality)
    again = type(reading.prediction).model_validate_json(reading.prediction.model_dump_json())
    assert again == reading.prediction
    write_prediction_report(reading, tmp_path / "report.html", trained_on_synthetic=False)
    assert "not estimated" in (tmp_path / "report.html").read_text(encoding="utf-8")
