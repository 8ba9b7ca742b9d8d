"""``predict``: an answer for every study, made from the files that are there, joined to inputs."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from molre.ct.files.text_names import written as as_text
from molre.errors import MolreError
from molre.model.prediction import Prediction
from molre.output.prediction.json_file import read_prediction
from molre.output.prediction.tables import MAP_COLUMNS
from molre.pipeline import Reader, load
from molre.workflows.prediction_folder import PredictionFolder, write_predictions
from tests.helpers.cli.untrained import write_model
from tests.helpers.cohort.dicoms import write_study
from tests.helpers.ct.archives import pack

MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}
NAME = "DOE^JANE_19500101"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("model") / "model"
    return load(write_model(folder, familiar=True))


@pytest.fixture
def predict(reader: Reader, tmp_path: Path):
    """Predict into one folder, as a user does again and again."""

    def run(*paths: Path, **options: object) -> PredictionFolder:
        return write_predictions(reader, paths, tmp_path / "out", **options)  # type: ignore[arg-type]

    return run


def study(folder: Path, uid: str = "1.2.10", **header: object) -> Path:
    """Half a head, which is an answer: it is withheld."""
    return write_study(folder, uid, slices=12, thickness=12.0, **header)


def nifti(path: Path, level: int = 40) -> Path:
    """A head in HU, 12 slices of 12 mm."""
    y, x = np.mgrid[:64, :64] - 31.5
    head = np.where(np.hypot(x / 20, y / 25) < 1, level, -1000).astype(np.int16)
    head[np.abs(np.hypot(x / 20, y / 25) - 0.95) < 0.05] = 1000
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(np.stack([head] * 12, 2), np.diag([3.5, 3.5, 12.0, 1.0]))
    nibabel.save(image, path)
    return path


def table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def only(written: PredictionFolder) -> Prediction:
    (prediction,) = written.predictions
    stored = read_prediction(written.out / prediction.study / "prediction.json")
    assert stored == prediction
    return prediction


def stamp(written: PredictionFolder) -> list[int]:
    return [p.stat().st_mtime_ns for p in sorted(written.out.glob("*/prediction.json"))]


def test_a_study_that_was_still_arriving_has_a_new_answer_when_it_is_whole(
    predict, tmp_path: Path
) -> None:
    whole = study(tmp_path / "whole")
    arriving = tmp_path / "arriving"
    arriving.mkdir()
    slices = sorted(whole.iterdir())
    for path in slices[:7]:
        path.rename(arriving / path.name)
    early = only(predict(arriving))
    for path in slices[7:]:
        path.rename(arriving / path.name)
    late = only(predict(arriving))
    assert early.series is not None
    assert late.series is not None
    assert (early.series.slices, late.series.slices) == (7, 12)
    assert early.study == late.study
    assert early.pixel_sha256 != late.pixel_sha256


@pytest.mark.parametrize("kind", ["dicom", "nifti"])
def test_nothing_changed_is_kept_and_a_changed_header_or_setting_is_not(
    predict, tmp_path: Path, kind: str
) -> None:
    path = study(tmp_path / "a") if kind == "dicom" else nifti(tmp_path / "a/head.nii.gz")
    first = stamp(predict(path))
    assert stamp(predict(path)) == first
    assert stamp(predict(path, overwrite=True)) != first
    before = only(predict(path))
    if kind == "dicom":
        study(tmp_path / "a", PatientAge="012Y")
        assert any("age 12" in reason for reason in only(predict(path)).reasons)
    else:
        mapped = predict(path, hu_map="1:0")
        assert only(mapped).made_from != before.made_from


def test_a_scan_exchanged_under_its_name_size_and_time_is_read_again(
    predict, tmp_path: Path
) -> None:
    path = nifti(tmp_path / "head.nii")
    before, time = only(predict(path)), path.stat()
    nifti(path, level=41)
    os.utime(path, ns=(time.st_atime_ns, time.st_mtime_ns))
    assert path.stat().st_size == time.st_size
    assert only(predict(path)).pixel_sha256 != before.pixel_sha256


def test_an_answer_without_a_record_of_its_files_is_made_again(predict, tmp_path: Path) -> None:
    path = study(tmp_path / "a")
    written = predict(path)
    place = written.out / only(written).study / "prediction.json"
    old = json.loads(place.read_text())
    for field in ("made_from", "scan_synthetic", "files"):
        del old[field]
    place.write_text(json.dumps(old | {"schema_version": 1}))
    assert read_prediction(place).made_from is None
    assert only(predict(path)).made_from is not None


def test_a_newer_schema_is_refused_with_the_remedy(predict, tmp_path: Path) -> None:
    written = predict(study(tmp_path / "a"))
    place = written.out / only(written).study / "prediction.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"schema_version": 99}))
    with pytest.raises(MolreError, match=r"99 is newer.*Upgrade molre"):
        read_prediction(place)


def test_a_study_that_can_no_longer_be_read_loses_its_former_answer(
    predict, tmp_path: Path
) -> None:
    path = study(tmp_path / "a")
    read = only(predict(path))
    for file in path.iterdir():
        file.write_bytes(file.read_bytes()[:-3000])
    refused = only(predict(path))
    assert (read.status, refused.status) == ("withheld", "refused")
    assert refused.study == read.study
    assert ">withheld<" not in (tmp_path / "out" / refused.study / "report.html").read_text()


def test_every_study_has_an_answer_and_a_row_refused_ones_too(predict, tmp_path: Path) -> None:
    head, mr = study(tmp_path / "head"), study(tmp_path / "mr", "1.2.11", **MR)
    broken = [tmp_path / "nifti" / f"{i}.nii" for i in range(3)]
    for path in broken:
        nifti(path)
        path.write_bytes(path.read_bytes()[:-100])
    cut = tmp_path / "cut"
    cut.mkdir()
    for i in range(2):
        (cut / f"{i}.dcm").write_bytes((head / "00.dcm").read_bytes()[:200])
    written = predict(head, mr, *broken, cut)
    rows = table(written.out / "predictions.csv")
    assert [row["status"] for row in rows] == ["withheld", *["refused"] * 5]
    assert [row["input"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert written.exit_code == 1
    assert json.loads(written.as_json())[1]["status"] == "refused"
    for row, prediction in zip(rows, written.predictions, strict=True):
        assert read_prediction(written.out / row["study"] / "prediction.json") == prediction
        assert (written.out / row["study"] / "report.html").is_file()
        assert bool(prediction.files) == (row["status"] == "refused")
        assert row["reason"]
    assert [p.files for p in written.predictions[2:]] == [
        ["0.nii"], ["1.nii"], ["2.nii"], ["0.dcm", "1.dcm"],
    ]  # fmt: skip
    refused = table(written.out / "rejects.csv")
    assert {str(path) for path in broken} < {row["file"] for row in refused}
    assert {row["study"] for row in refused} == {row["study"] for row in rows[1:]}


def test_an_image_beside_a_study_loses_nothing_and_rejects_are_of_this_run(
    predict, tmp_path: Path
) -> None:
    path = study(tmp_path / "a")
    for name, magic in (("a.jpg", b"\xff\xd8\xff\xe0"), ("b.pdf", b"%PDF-1.7")):
        (path / name).write_bytes(magic + bytes(100))
    written = predict(path)
    assert written.exit_code == 0
    assert {Path(r["file"]).name for r in table(written.out / "rejects.csv")} == {"a.jpg", "b.pdf"}
    for name in ("a.jpg", "b.pdf"):
        (path / name).unlink()
    assert predict(path).exit_code == 0
    assert (written.out / "rejects.csv").read_text() == "file,study,reason,remedy\n"


def test_no_path_and_no_identifier_is_in_what_may_be_passed_on(predict, tmp_path: Path) -> None:
    path = study(tmp_path / NAME / "head", PatientName=NAME, PatientID="PID-77")
    written = predict(path, study(tmp_path / NAME / "mr", "1.2.11", PatientID="PID-77", **MR))
    for file in written.out.rglob("*"):
        if file.is_file() and file.name != "rejects.csv":
            text = file.read_text()
            for secret in ("DOE", "JANE", "PID-77", "ACC1", str(tmp_path)):
                assert secret not in text, (file.name, secret)


def test_the_map_joins_answers_to_inputs_and_patients_for_its_owner_alone(
    predict, tmp_path: Path
) -> None:
    a, b = study(tmp_path / "a", "1.2.10"), nifti(tmp_path / "b/head.nii")
    place = tmp_path / "map.csv"
    place.write_text(",".join(MAP_COLUMNS) + "\n1,of before\n")
    written = predict(b, a, map_file=place)
    assert place.stat().st_mode & 0o777 == 0o600
    rows = table(place)
    assert [(r["input"], r["path"], r["patient_id"], r["study_instance_uid"]) for r in rows] == [
        ("1", str(b), "", ""),
        ("2", str(a), "PID-1", "1.2.10"),
    ]
    assert [r["study"] for r in rows] == [p.study for p in written.predictions]


@pytest.mark.parametrize("through", ["plainly", "by a link", "by .."])
def test_a_map_among_the_predictions_is_refused(predict, tmp_path: Path, through: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "link").symlink_to(out)
    places = {"plainly": out, "by a link": tmp_path / "link", "by ..": tmp_path / "x/../out"}
    with pytest.raises(MolreError, match="outside of"):
        predict(study(tmp_path / "a"), map_file=places[through] / "map.csv")
    assert list(out.iterdir()) == []


def test_a_map_that_cannot_be_written_is_refused_before_anything_is_read(
    predict, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file/map.csv", tmp_path):
        with pytest.raises(MolreError, match="is a f"):
            predict(tmp_path / "nowhere", map_file=place)


def test_a_study_of_two_inputs_names_both(predict, tmp_path: Path) -> None:
    study(tmp_path / "a/b")
    predict(tmp_path / "a", tmp_path / "a/b")
    (row,) = table(tmp_path / "out" / "predictions.csv")
    assert row["input"] == "1 2"


def test_what_is_no_scan_at_all_is_no_answer(predict, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no scan")
    with pytest.raises(MolreError, match=r"a\.txt: not a scan, but a file") as refused:
        predict(tmp_path / "a.txt")
    assert refused.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def cut_off(path: Path, files: list[Path]) -> Path:
    pack(path, files).write_bytes(path.read_bytes()[:-3000])
    return path


def test_what_nobody_can_look_inside_is_refused_each_by_itself_beside_what_is_read(
    predict, tmp_path: Path
) -> None:
    slices = sorted(study(tmp_path / "a").iterdir())
    inner = pack(tmp_path / "inner.zip", slices)
    given = [cut_off(tmp_path / "one.tar.gz", slices), cut_off(tmp_path / "two.tar.gz", slices)]
    given += [pack(tmp_path / "nested.zip", [inner])]
    written = predict(tmp_path / "a", *given)
    assert written.exit_code == 1
    rows = table(tmp_path / "out" / "predictions.csv")
    assert [(row["input"], row["status"]) for row in rows] == [
        ("1", "withheld"),
        *((str(number), "refused") for number in (2, 3, 4)),
    ]
    rejects = table(tmp_path / "out" / "rejects.csv")
    assert [row["study"] for row in rejects] != [""] * 3
    assert {row["file"].split("!")[0] for row in rejects} == {str(path) for path in given}
    assert "not a scan" not in written.as_text()
    assert predict(given[0]).exit_code == 1


def test_single_files_that_cannot_be_opened_are_one_answer_a_folder(
    predict, tmp_path: Path
) -> None:
    for folder in ("a!1", "a!2"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            (tmp_path / folder / f"{number}.dcm").symlink_to(f"nowhere{number}")
    written = predict(study(tmp_path / "a"), tmp_path / "a!1", tmp_path / "a!2")
    assert [(a.inputs, a.prediction.status) for a in written.answers] == [
        ((1,), "withheld"),
        ((2,), "refused"),
        ((3,), "refused"),
    ]
    assert [a.place for a in written.answers[1:]] == [f"{tmp_path}/a!1", f"{tmp_path}/a!2"]


def test_bytes_of_a_name_that_are_not_utf_8_are_written_as_text(predict, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Caf\xe9"))
    good, bad = study(folder / "a"), nifti(folder / os.fsdecode(b"h\xe9.nii"))
    bad.write_bytes(bad.read_bytes()[:-100])
    written = predict(good, bad)
    assert [p.status for p in written.predictions] == ["withheld", "refused"]
    (row,) = table(written.out / "rejects.csv")
    assert row["file"] == as_text(str(bad))
    assert f"{as_text(str(bad))}: refused" in written.as_text()
    assert written.predictions[1].files == ["h\\xe9.nii"]


def test_a_probability_that_could_not_be_calibrated_is_null_and_no_number_on_the_page(
    reader: Reader, tmp_path: Path
) -> None:
    description = reader.model.description.model_copy(update={"intercepts": [0.0, float("nan")]})
    unsure = replace(reader, model=replace(reader.model, description=description))
    written = write_predictions(
        unsure, [study(tmp_path / "a")], tmp_path / "out", even_if_withheld=True
    )
    prediction = only(written)
    assert [f.probability is None for f in prediction.findings] == [False, True]
    (row,) = table(written.out / "predictions.csv")
    assert float(row["skull_fracture"]) > 0
    assert row["midline_shift"] == ""
    page = (written.out / prediction.study / "report.html").read_text()
    assert "not estimated" in page
    assert ">nan<" not in page


def test_a_reader_says_what_it_is_in_a_line(reader: Reader) -> None:
    said = repr(reader)
    assert all(part in said for part in ("frozen", "efficientnet_lite0", "2 findings"))
    assert len(said) < 200


def test_two_slices_at_one_position_are_refused_without_the_names_of_their_files(
    predict, tmp_path: Path
) -> None:
    folder, other = study(tmp_path / "a"), write_study(tmp_path / "b", "1.2.10", slices=1, seed=5)
    next(other.iterdir()).rename(folder / f"{NAME}.dcm")
    written = predict(folder)
    for name in ("predictions.csv", "index.html"):
        said = (written.out / name).read_text(encoding="utf-8")
        assert "two slices are at one position but differ" in said
        assert NAME not in said
    assert f"{NAME}.dcm" in table(written.out / "rejects.csv")[0]["remedy"]


def test_the_map_has_the_uid_that_two_patients_share_and_nothing_else(
    predict, tmp_path: Path
) -> None:
    for number in (1, 2):
        series = {"SeriesInstanceUID": f"1.2.10.{number}"}
        write_study(
            tmp_path / "s" / str(number), "1.2.10", f"P{number}", number, slices=3, **series
        )
    answers = predict(tmp_path / "s", map_file=tmp_path / "map.csv").predictions
    rows = table(tmp_path / "map.csv")
    assert [row["study_instance_uid"] for row in rows] == ["1.2.10"] * 2
    assert {row["study"] for row in rows} == {one.study for one in answers}
    assert {row["patient_id"] for row in rows} == {"P1", "P2"}
