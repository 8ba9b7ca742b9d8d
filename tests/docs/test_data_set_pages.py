"""The command lines of the pages on data sets, run on phantoms laid out as those sets are."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from molre.cli.main import app
from molre.cohort.cohort import Cohort
from molre.cohort.ingest import ingest
from tests.conftest import Once
from tests.helpers.labels.published import (
    as_cq500,
    as_ct_ich,
    as_rsna,
    phantoms,
    write_ct_ich_labels,
    write_reads,
    write_rsna_labels,
)

PAGES = Path(__file__).parents[2] / "docs" / "how-to" / "datasets"
LINE = re.compile(r"^ {4}molre (.+)$", re.MULTILINE)
STUDIES = 12
SMALL = {  # few patients, four slices each, one epoch
    "max_epochs": "1",
    "learning_rates": "[0.01]",
    "min_labels": "2",
    "include_not_head": "true",
}
SALT = b"a salt for tests"  # so that train has both classes


def patients(folder: Path) -> None:
    """Four slices of a phantom as the scans of twelve patients, no two with the same pixels."""
    (phantom,) = phantoms(folder / "phantom", 1)
    for number in range(STUDIES):
        study = folder / "studies" / f"{number:02d}"
        study.mkdir(parents=True)
        for path in sorted(phantom.glob("*.dcm"))[4:20:4]:
            slice_ = dcmread(path)
            stored = slice_.pixel_array.copy()
            stored[:2] += number
            slice_.PixelData = stored.tobytes()
            slice_.StudyInstanceUID += f".{number + 1}"
            slice_.SeriesInstanceUID += f".{number + 1}"
            slice_.SOPInstanceUID += f".{number + 1}"
            slice_.save_as(study / path.name)


def lay_cq500(studies: list[Path]) -> Path:
    names = as_cq500(studies, Path("scans"), patient_ids=False)
    Path("cq500").mkdir()
    for folder in sorted(Path("scans").iterdir()):  # as the zips are published
        zipped = Path("cq500") / folder.name.split()[0]
        shutil.make_archive(str(zipped), "zip", "scans", folder.name)
    some = {"ICH", "SDH"}
    write_reads(
        Path("reads.csv"),
        {n: (some, some, set()) if k % 2 else (set(),) * 3 for k, n in enumerate(names)},
    )
    return Path("cq500")


def lay_rsna_ich(studies: list[Path]) -> Path:
    slices = as_rsna(studies, Path("stage_2_train"))
    write_rsna_labels(Path("stage_2_train.csv"), slices, {s: {"subdural"} for s in [*slices][::2]})
    return Path("stage_2_train")


def lay_ct_ich(studies: list[Path]) -> Path:
    slices = as_ct_ich(studies, Path())
    table = Path("hemorrhage_diagnosis_raw_ct.csv")
    write_ct_ich_labels(table, slices, {p: {"Subdural"} for p in [*slices][::2]})
    return Path("ct_scans")


@pytest.mark.parametrize(
    ("page", "lay", "findings"),
    [("cq500", lay_cq500, 10), ("rsna-ich", lay_rsna_ich, 6), ("ct-ich", lay_ct_ich, 7)],
)
def test_a_page_leads_from_the_published_files_to_an_evaluated_model(
    page: str,
    lay: Callable[[list[Path]], Path],
    findings: int,
    once: Once,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    studies = sorted((once("patients", patients) / "studies").iterdir())
    monkeypatch.chdir(tmp_path)
    scans = lay(studies)
    ingest(scans, "cohort", workers=1, salt=SALT)
    for line in LINE.findall((PAGES / f"{page}.md").read_text(encoding="utf-8")):
        words = shlex.split(line)
        if words[0] == "train":
            words += [
                word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")
            ]
        run = CliRunner().invoke(app, words, catch_exceptions=False)
        assert run.exit_code == 0, (line, run.output)
    assert Path("runs/molre-0/report.html").is_file()
    labels = Cohort(Path("cohort")).labels()
    assert labels["study_id"].n_unique() == STUDIES
    stated = labels.filter(labels["state"].is_in(["present", "absent"]))
    known = stated.filter(stated["evidence"] != "")["finding"]
    assert known.n_unique() == findings
    subdural = labels.filter(labels["finding"] == "subdural_hemorrhage")["state"]
    assert sorted(subdural) == ["absent"] * 6 + ["present"] * 6
    assert Path("cohort/unmatched.csv").read_text() == "side,id,hint\n"
