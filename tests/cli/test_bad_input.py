"""Bad input at the command line: one sentence that names it, an exit code, nothing half-written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from molre.cli.main import main
from tests.helpers.cohort.cohorts import write_cohort
from tests.helpers.cohort.dicoms import write_study

MR = "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run molre; expect an exit code, and give what it said."""

    def run(*arguments: object, code: int = 2) -> str:
        monkeypatch.setattr(sys, "argv", ["molre", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert left.value.code == code, said
        if code == 2:
            assert said.err.startswith("molre: ")
            assert said.err.count("\n") == 1
            assert said.out == ""
        return said.err + said.out

    return run


@pytest.mark.parametrize(
    ("what", "says"),
    [("empty", "no files there"), ("mr", "MR"), ("jpeg", "JPEG image"), ("uint8", "HU")],
)
def test_nothing_that_could_be_head_ct_is_said_in_one_sentence(
    refuse, tmp_path: Path, what: str, says: str
) -> None:
    folder, out = tmp_path / "scans", tmp_path / "cohort"
    folder.mkdir()
    if what == "mr":
        write_study(folder, "1.2.10", slices=2, SOPClassUID=MR, Modality="MR")
    if what == "jpeg":
        (folder / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    if what == "uint8":
        write_uint8(folder / "head.nii")
    said = refuse("ingest", folder, "-o", out)
    assert str(folder) in said
    assert says in said
    assert not out.exists()


def write_uint8(path: Path) -> None:
    import nibabel
    import numpy as np

    levels = np.random.default_rng(0).integers(0, 255, (32, 32, 20)).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(levels, np.diag([7.0, 7.0, 7.0, 1.0])), path)


def test_a_truncated_study_beside_a_good_one_is_a_row_of_rejects(refuse, tmp_path: Path) -> None:
    write_study(tmp_path / "scans/good", "1.2.10")
    for path in write_study(tmp_path / "scans/broken", "1.2.11").iterdir():
        path.write_bytes(path.read_bytes()[:-3000])
    said = refuse("ingest", tmp_path / "scans", "-o", tmp_path / "cohort", code=1)
    assert "1 could not be used (rejects.csv)" in said
    assert "scans/broken" in said


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("study,skull_fractur\n1.1,1\n", "did you mean 'skull_fracture'"),
        ("study,skull_fracture\n1.1,1\n1.1,0\n", "1.1"),
        ("study,skull_fracture\n1.1,7\n", "7"),
        ("study,skull_fracture\n9.9,1\n", "its one row matches no scan"),
    ],
)
def test_a_bad_label_table_is_one_sentence_and_no_labels(
    refuse, tmp_path: Path, rows: str, says: str
) -> None:
    cohort = write_cohort(tmp_path / "cohort", {"1.1": "p"})
    before = sorted(cohort.iterdir())
    table = tmp_path / "reads.csv"
    table.write_text(rows)
    said = refuse("label", table, "--cohort", cohort)
    assert str(table) in said
    assert says.lower() in said.lower()
    assert sorted(cohort.iterdir()) == before


def test_newer_formats_are_refused_with_the_remedy(refuse, tmp_path: Path) -> None:
    cohort, model = tmp_path / "cohort", tmp_path / "model"
    cohort.mkdir(), model.mkdir()
    (cohort / "cohort.json").write_text(json.dumps({"format_version": 99}))
    seal = {"format_version": 99, "files": {}, "sha256": ""}
    (model / "checksums.json").write_text(json.dumps(seal))
    for arguments in (("split", cohort), ("predict", model, cohort, "-o", tmp_path / "out")):
        said = refuse(*arguments)
        assert str(arguments[1]) in said
        assert "99 is newer" in said
        assert "Upgrade molre" in said
    assert not (tmp_path / "out").exists()
