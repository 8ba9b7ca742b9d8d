"""``molre.predict``: an answer for every study from the files alone, and nothing on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.pipeline import Reader, load
from molre.workflows.predict_studies import predict
from molre.workflows.prediction_folder import write_predictions
from tests.helpers.cli.untrained import write_model
from tests.helpers.cohort.dicoms import spoil, write_study
from tests.helpers.ct.archives import pack

MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return load(write_model(tmp_path_factory.mktemp("model") / "model", familiar=True))


def study(folder: Path, uid: str = "1.2.10", **header: object) -> Path:
    """Half a head, which is an answer: it is withheld."""
    return write_study(folder, uid, slices=12, thickness=12.0, **header)


def two_series(folder: Path) -> Path:
    """One study whose better series (thinner slices) cannot be read."""
    spoil(write_study(folder / "better", "1.2.20", slices=24, SeriesInstanceUID="1.2.20.7"))
    study(folder / "other", "1.2.20", SeriesInstanceUID="1.2.20.8")
    return folder


def below(folder: Path) -> set[tuple[Path, int]]:
    return {(path, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_every_study_is_answered_as_in_the_folder_and_nothing_is_written(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "given"
    study(given / "a")
    study(given / "mr", "1.2.11", **MR)
    two_series(given / "two")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("TMPDIR", str(here))
    before = below(tmp_path)
    answers = list(predict(reader, str(given)))
    assert below(tmp_path) == before
    assert sorted(a.prediction.status for a in answers) == ["refused", "withheld", "withheld"]
    written = write_predictions(reader, str(given), str(tmp_path / "out"))
    assert {a.prediction.study: a for a in answers} == {
        a.prediction.study: a for a in written.answers
    }


def test_the_next_series_is_read_where_the_best_one_cannot_be_and_the_answer_says_so(
    reader: Reader, tmp_path: Path
) -> None:
    (answer,) = predict(reader, two_series(tmp_path / "two"))
    prediction = answer.prediction
    assert prediction.series is not None
    assert (prediction.series.series_uid, prediction.series.slices) == ("1.2.20.8", 12)
    assert prediction.series.why.startswith("the only readable series: 12 slices")
    assert [note for note in prediction.quality if note.startswith("a better series could not")]


def test_an_answer_says_of_which_path_it_is_and_no_identifier_when_printed(
    reader: Reader, tmp_path: Path
) -> None:
    paths = [study(tmp_path / "a", "1.2.10"), study(tmp_path / "mr", "1.2.11", **MR)]
    answers = {a.inputs: a for a in predict(reader, paths)}
    read, refused = answers[1,], answers[2,]
    assert (read.place, read.patient_id, read.accession) == (str(paths[0]), "PID-1", "ACC10")
    assert refused.prediction.status == "refused"
    assert refused.rejects[0].file.startswith(str(paths[1]))
    for secret in ("PID-1", "ACC10", "1.2.11"):
        assert secret not in repr(answers).replace(str(tmp_path), "")


def test_a_study_in_an_archive_has_its_place_there_and_not_beside_it(
    reader: Reader, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    for name, uid in (("a.zip", "1.2.10"), ("b!b.tar.gz", "1.2.11")):
        pack(packed / name, sorted(study(tmp_path / uid, uid).iterdir()))
    mr = sorted(study(tmp_path / "mr", "1.2.12", **MR).iterdir())
    pack(packed / "c.zip", mr, inside=".")
    places = {a.place for a in predict(reader, packed)}
    assert places == {f"{packed}/a.zip!inner", f"{packed}/b!b.tar.gz!inner", f"{packed}/c.zip"}


def test_nothing_that_could_be_a_scan_is_said_before_the_first_answer_is_asked_for(
    reader: Reader, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(MolreError, match="a.txt"):
        predict(reader, tmp_path / "a.txt")
    with pytest.raises(MolreError, match="an empty text is not a path"):
        predict(reader, "")
