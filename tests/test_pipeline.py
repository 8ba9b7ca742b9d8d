"""The main path: which scans get probabilities, and each rule by which one does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch

from molre.backbones.catalogue import load as load_backbone
from molre.cohort.ingest import ingest
from molre.ct.read import read
from molre.ct.volume import Volume
from molre.model.eligibility import ScanFacts
from molre.model.familiarity import Familiarity
from molre.phantom.write import write_phantoms
from molre.pipeline import Reader
from tests.helpers.cli.untrained import untrained


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole head with a finding, as DICOM."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 1, seed=2, max_slices=14, workers=1)
    return folder / "study_00000"


@pytest.fixture(scope="module")
def phantom(study: Path) -> Volume:
    return read(study)


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
    ("change", "code", "reason"),
    [
        (boneless, "not_a_head", "not a head"),
        (half, "incomplete", "incomplete"),
        (lambda volume: made(volume, contrast=True), "contrast", "contrast was given"),
        (lambda volume: made(volume, age=17.9), "age", "age 17.9 is outside"),
        (lambda volume: made(volume, age=0.0), "age", "age 0 is outside"),
    ],
    ids=["not_a_head", "incomplete", "contrast", "age", "age_of_a_newborn"],
)
def test_a_scan_that_may_not_be_read_is_withheld(
    phantom: Volume, reader: Reader, change: Callable[[Volume], Volume], code: str, reason: str
) -> None:
    reading = reader.reading(change(phantom))
    prediction = reading.prediction
    assert prediction.status == "withheld"
    assert prediction.findings == []
    assert prediction.reasons
    assert all(reason in said for said in prediction.reasons)
    assert {one.code for one in reading.withheld} == {code}
    assert [one.sentence for one in reading.withheld] == prediction.reasons


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"ContrastBolusAgent": "IOHEXOL"}, "contrast"),
        ({"PatientAge": "017Y", "PatientBirthDate": "20070208"}, "age"),
        ({"PatientAge": "018Y", "PatientBirthDate": "20070101"}, None),
    ],
    ids=["contrast", "age", "of_age"],
)
def test_what_the_header_says_withholds(
    study: Path, reader: Reader, tmp_path: Path, header: dict[str, str], code: str | None
) -> None:
    for path in study.glob("*.dcm"):
        image = pydicom.dcmread(path)
        image.StudyDate, image.PatientAge, image.PatientBirthDate = "20250101", "", ""
        for name, value in header.items():
            setattr(image, name, value)
        image.save_as(tmp_path / path.name)
    reading = reader.reading(read(tmp_path))
    assert reading.prediction.status == ("scored" if code is None else "withheld")
    assert [reason.code for reason in reading.withheld] == [code] * (code is not None)


def test_the_table_of_scans_tells_what_the_volume_does(study: Path, tmp_path: Path) -> None:
    """So that the contact sheet says beforehand what the prediction will."""
    slices = {read(path).origins[0, 2]: path for path in study.glob("*.dcm")}
    for height in sorted(slices)[len(slices) // 2 :]:
        place = tmp_path / "half" / slices[height].name
        place.parent.mkdir(exist_ok=True)
        shutil.copy(slices[height], place)
    cohort = ingest([tmp_path / "half"], tmp_path / "cohort", workers=1).cohort
    (row,) = cohort.scans().iter_rows(named=True)
    scan = ScanFacts.of_volume(read(tmp_path / "half"))
    assert {reason.code for reason in scan.not_whole} == {"incomplete"}
    assert ScanFacts.of_row(row) == scan


@pytest.mark.parametrize(
    "known", [{"age": 18.0}, {"age": None}, {"contrast": None}, {"contrast": False}]
)
def test_what_is_unknown_or_right_withholds_nothing(
    phantom: Volume, reader: Reader, known: dict[str, object]
) -> None:
    assert reader(made(phantom, **known)).status == "scored"


def test_a_synthetic_scan_is_withheld_from_a_model_of_patients(
    phantom: Volume, reader: Reader
) -> None:
    of_patients = having(reader, synthetic=False, trained_on="patients")
    reading = of_patients.reading(phantom)
    assert reading.prediction.status == "withheld"
    assert reading.prediction.findings == []
    assert [reason.code for reason in reading.withheld] == ["synthetic"]
    assert of_patients(made(phantom, synthetic=False)).status == "scored"


def test_an_unfamiliar_scan_is_withheld(phantom: Volume, reader: Reader) -> None:
    near = replace(reader.model.familiarity, threshold=torch.tensor(1e-6, dtype=torch.float64))
    reading = replace(reader, model=replace(reader.model, familiarity=near)).reading(phantom)
    assert reading.prediction.status == "withheld"
    assert reading.prediction.findings == []
    assert [reason.code for reason in reading.withheld] == ["unfamiliar"]
    assert "far from the training scans" in reading.prediction.reasons[0]
    assert reading.prediction.familiarity > 1


def test_an_unfamiliar_scan_is_also_one_whose_distance_is_not_a_number(
    phantom: Volume, reader: Reader
) -> None:
    lost = replace(
        reader.model.familiarity, mean=torch.full_like(reader.model.familiarity.mean, float("nan"))
    )
    reading = replace(reader, model=replace(reader.model, familiarity=lost)).reading(phantom)
    assert [reason.code for reason in reading.withheld] == ["unfamiliar"]
    assert reading.prediction.familiarity is None
    assert (
        type(reading.prediction).model_validate_json(reading.prediction.model_dump_json())
        == reading.prediction
    )


def test_probabilities_that_are_asked_for_leave_the_status(phantom: Volume, reader: Reader) -> None:
    prediction = reader(made(phantom, contrast=True), even_if_withheld=True)
    assert prediction.status == "withheld"
    assert len(prediction.findings) == 2


@pytest.mark.parametrize("few", [{"calibrate_positives": [0, 0]}, {"calibrate_negatives": [0, 0]}])
def test_no_probability_where_none_could_be_estimated(
    phantom: Volume, reader: Reader, few: dict[str, list[int]], tmp_path: Path
) -> None:
    from molre.output.prediction.report import write_prediction_report

    reading = having(reader, **few, calibrated=[False, False], thresholds={}).reading(phantom)
    assert reading.prediction.status == "scored"
    assert [finding.probability for finding in reading.prediction.findings] == [None, None]
    assert any("of one class" in words for words in reading.prediction.quality)
    again = type(reading.prediction).model_validate_json(reading.prediction.model_dump_json())
    assert again == reading.prediction
    write_prediction_report(reading, tmp_path / "report.html", trained_on_synthetic=False)
    assert "not estimated" in (tmp_path / "report.html").read_text(encoding="utf-8")
