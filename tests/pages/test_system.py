"""Verbs and pages on one small system: what a user types, and what they then see.

One file, so that the system is built once.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
import pytest
from playwright.sync_api import Browser
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

import molre as library
from molre.cohort.rejects import read_rejects
from molre.model.prediction import Prediction
from tests.helpers.system import build, molre


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("system"))


PAGES = [
    "cohort/index.html",
    "runs/frozen-0/report.html",
    "runs/molre-0/report.html",
    "comparison/report.html",
    "out/*/report.html",
]


@pytest.mark.parametrize("pattern", PAGES)
def test_a_page_opens_without_errors_or_outside_requests(
    system: Path, browser: Browser, pattern: str
) -> None:
    (path,) = system.glob(pattern)
    page = browser.new_page(bypass_csp=True)  # Playwright waits by eval
    problems: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else problems.append(r.url),
    )
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    page.wait_for_function("[...document.images].every(i => i.complete)")
    broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).length")
    drawn = page.evaluate("document.images.length + document.querySelectorAll('svg').length")
    assert problems == []
    assert broken == 0
    assert drawn > 0
    text = page.inner_text("body").lower()
    assert "synthetic" in text or "phantom" in text
    assert "research use only" in text
    page.set_viewport_size({"width": 390, "height": 900})  # a phone
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_unseen_phantoms_are_familiar_to_a_model_of_phantoms(system: Path) -> None:
    """On embeddings of a backbone: at least 95 of 100 of what nothing was fitted on are scored."""
    for run in sorted((system / "runs").iterdir()):
        studies = pl.read_parquet(run / "studies.parquet")
        unseen = studies.filter(pl.col("split").is_in(["tune", "test"]))["familiarity"]
        assert len(unseen) >= 10
        assert (unseen <= 1).mean() >= 0.95


def test_a_prediction_follows_the_schema_and_says_that_it_is_synthetic(system: Path) -> None:
    (path,) = system.glob("out/*/prediction.json")
    prediction = Prediction.model_validate_json(path.read_text())
    manifest = json.loads((system / "runs/molre-0/manifest.json").read_text())
    assert prediction.synthetic
    assert prediction.model.trained_on == "synthetic phantoms"
    assert prediction.study == path.parent.name
    assert [f.id for f in prediction.findings] in ([], manifest["findings"])
    assert prediction.status == "withheld" or len(prediction.findings) == len(manifest["findings"])


def test_predicting_in_python_gives_what_the_verb_wrote(system: Path) -> None:
    (path,) = system.glob("out/*/prediction.json")
    written = Prediction.model_validate_json(path.read_text())
    volume = library.read(system / "phantoms/study_00000")
    again = library.load(system / "runs/molre-0/model")(volume)
    assert again.status == written.status
    assert [f.probability for f in again.findings] == pytest.approx(
        [f.probability for f in written.findings], abs=1e-6
    )


def test_even_if_withheld_gives_probabilities_and_keeps_the_status(
    system: Path, tmp_path: Path
) -> None:
    slices = sorted((system / "phantoms/study_00001").glob("*.dcm"))
    one = slices[len(slices) // 2]
    model = system / "runs/molre-0/model"
    molre("predict", model, one, "-o", tmp_path / "a")
    molre("predict", model, one, "-o", tmp_path / "b", "--even-if-withheld")
    (a,), (b,) = (list((tmp_path / d).glob("*/prediction.json")) for d in "ab")
    plain, forced = (Prediction.model_validate_json(p.read_text()) for p in (a, b))
    assert plain.status == forced.status == "withheld"
    assert plain.findings == []
    assert len(forced.findings) > 0
    assert any("incomplete" in reason for reason in plain.reasons)


def test_where_the_best_series_cannot_be_read_the_next_is_and_the_report_says_so(
    system: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    for path in sorted((system / "phantoms" / "study_00001").glob("*.dcm")):
        image = pydicom.dcmread(path)
        sharp = study / "sharp" / path.name
        sharp.parent.mkdir(parents=True, exist_ok=True)
        image.SeriesInstanceUID += ".2"
        image.SOPInstanceUID += ".2"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.ConvolutionKernel = "H70h"
        image.save_as(sharp)
        best = study / "soft" / path.name  # compressed, it says, but what follows is no RLE
        best.parent.mkdir(parents=True, exist_ok=True)
        image = pydicom.dcmread(path)
        image.file_meta.TransferSyntaxUID = RLELossless
        image.PixelData = encapsulate([bytes(100)])
        image["PixelData"].is_undefined_length = True
        image.save_as(best)
    molre("predict", system / "runs/molre-0/model", study, "-o", tmp_path / "out")
    (path,) = (tmp_path / "out").glob("*/prediction.json")
    prediction = json.loads(path.read_text())
    assert prediction["status"] in ("scored", "withheld")
    said = " ".join(prediction["quality"])
    assert "a better series could not be read: " in said
    assert read_rejects(tmp_path / "out" / "rejects.csv") == []


def test_stored_predictions_are_what_the_model_says_of_the_same_scan(system: Path) -> None:
    run = system / "runs/molre-0"
    stored = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "test")
    study = stored["study"][0]
    scans = pl.read_parquet(system / "cohort/scans.parquet").filter(
        (pl.col("study") == study) & pl.col("chosen")
    )
    from molre.ct.read import read_series

    volume = read_series(scans["files"][0].to_list())
    said = library.load(run / "model")(volume, even_if_withheld=True)
    wanted = stored.filter(pl.col("study") == study).select("finding", "probability").rows()
    got = {f.id: f.probability for f in said.findings}
    assert np.allclose([got[f] for f, _ in wanted], [p for _, p in wanted], atol=1e-3)


def test_training_again_changes_nothing_and_other_settings_are_refused(system: Path) -> None:
    run = system / "runs/molre-0"
    before = (run / "manifest.json").read_bytes()
    settings = ("min_labels=2", "max_epochs=6", "patience=6", "learning_rates=[0.003]")
    flags = [part for s in settings for part in ("--set", s)]
    molre("train", system / "cohort", "--arm", "molre", "-o", run, *flags)
    assert (run / "manifest.json").read_bytes() == before
    refused = molre("train", system / "cohort", "--arm", "frozen", "-o", run, code=2)
    assert "another configuration" in refused.stderr


def test_a_flipped_byte_in_the_model_is_one_sentence(system: Path, tmp_path: Path) -> None:
    model = shutil.copytree(system / "runs/molre-0/model", tmp_path / "model")
    data = bytearray((model / "model.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (model / "model.safetensors").write_bytes(bytes(data))
    done = molre("predict", model, system / "phantoms/study_00000", "-o", tmp_path / "o", code=2)
    assert "model.safetensors: is missing or damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "{cohort}", "--backbone", "efficientnet_lite", "-o", "{tmp}/r"), "did you mean"),
        (("train", "{cohort}", "--arm", "molr", "-o", "{tmp}/r"), "did you mean 'molre'"),
        (("train", "{cohort}", "--backbone", "timm:resnet18", "-o", "{tmp}/r", "--weights-dir",
          "{tmp}"), "resnet18.safetensors"),
        (("train", "{tmp}", "-o", "{tmp}/r"), "is not a cohort"),
        (("predict", "{model}", "{tmp}", "-o", "{tmp}/r"), "no "),
        (("list", "backbone"), "did you mean 'backbones'"),
        (("trian",), "did you mean 'train'"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_sentence_and_leaves_nothing(
    system: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    places = {
        "cohort": system / "cohort",
        "model": system / "runs/molre-0/model",
        "tmp": tmp_path,
    }
    done = molre(*(a.format(**places) for a in arguments), code=2)
    assert says.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
