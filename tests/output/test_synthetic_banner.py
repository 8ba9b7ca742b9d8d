"""Pages say of the scan what is true of the scan, and of the model what is true of the model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from molre.cli.evaluate import _say
from molre.evaluation.comparison.compare import compare
from molre.evaluation.evaluate import evaluate
from molre.output.comparison.report import write_comparison_report
from molre.output.comparison.text import caption
from molre.output.page import render
from molre.output.run.report import write_run_report
from molre.output.synthetic_banner import scan_banner, scans_banner
from molre.pipeline import load
from molre.workflows.prediction_folder import write_predictions
from tests.helpers.cli.untrained import write_model
from tests.helpers.cohort.dicoms import write_study
from tests.helpers.evaluation.runs import write_run

PHANTOM = {"Manufacturer": "molre phantom (synthetic)"}


def banner(page: str) -> str:
    found = re.search(r'<p class="banner">(.*?)</p>', page)
    return found[1].replace("&#39;", "'") if found else ""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    root = tmp_path_factory.mktemp("models")
    return {kind: write_model(root / str(kind), synthetic=kind) for kind in (True, False)}


@pytest.mark.parametrize("model", [True, False])
@pytest.mark.parametrize("scan", [True, False])
def test_the_pages_of_a_prediction_speak_of_scan_and_model_apart(
    models: dict[bool, Path], tmp_path: Path, scan: bool, model: bool
) -> None:
    header = PHANTOM if scan else {}
    study = write_study(tmp_path / "a", "1.2.10", slices=8, **header)
    out = tmp_path / "out"
    (said,) = write_predictions(load(models[model]), [study], out).predictions
    assert said.scan_synthetic is scan
    for page in (out / "index.html", out / said.study / "report.html"):
        text = banner(page.read_text())
        assert ("trained on synthetic phantoms only" in text) == (model and not scan)
        assert ("phantom" in text) == (scan or model)
        assert ("patient's" in text or "patients'" in text or "not of patients" in text) == (
            scan is not model
        )
        assert "made from phantom scans" not in text


@pytest.mark.parametrize("scans", [True, False])
def test_the_page_of_an_external_cohort_speaks_of_its_own_scans(
    tmp_path: Path, scans: bool
) -> None:
    external = {"scans_synthetic": scans, "said": "External.", "overlap": {}, "cohort": "c"}
    run = write_run(tmp_path / "run", synthetic=True, external=external)
    write_run_report(evaluate(run), run / "report.html")
    text = banner((run / "report.html").read_text())
    assert ("made from phantom scans" in text) == scans
    assert ("these scans are patients'" in text) != scans


@pytest.mark.parametrize("scans", [True, False])
def test_the_screen_and_a_comparison_speak_of_the_external_scans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scans: bool
) -> None:
    external = {"scans_synthetic": scans, "said": "External.", "overlap": {}, "cohort": "c"}
    runs = [
        write_run(tmp_path / arm, arm=arm, skill=skill, synthetic=True, external=external)
        for arm, skill in (("frozen", 0.8), ("molre", 1.2))
    ]
    _say(evaluate(runs[0]))
    said = capsys.readouterr()
    assert ("synthetic external test studies" in said.out) == scans
    assert ("these scans are patients'" in said.err) != scans
    compared = compare(runs, tmp_path / "out")
    assert ("synthetic" in caption(compared)) == scans
    write_comparison_report(compared, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert ("The scans are synthetic." in text) == scans
    assert ("these scans are patients'" in banner(text)) != scans


def test_what_is_said_of_one_scan_and_of_many() -> None:
    assert scan_banner(scan=False, model=False) is None
    assert scan_banner(scan=None, model=False) is None
    assert scans_banner(scans=False, model=False) is None
    assert "this scan is a patient's" in str(scan_banner(scan=False, model=True))
    assert "these scans are patients'" in str(scans_banner(scans=False, model=True))
    assert str(scan_banner(scan=True, model=False)).startswith("Synthetic")
    assert str(scans_banner(scans=True, model=True)).startswith("Synthetic")


def test_a_page_of_synthetic_data_says_so_without_a_sentence_of_its_own() -> None:
    rendered = {
        kind: render("base.html.j2", title="a page", synthetic=kind) for kind in (True, False)
    }
    assert "made from phantom scans" in banner(rendered[True])
    assert banner(rendered[False]) == ""
