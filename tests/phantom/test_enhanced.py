"""A phantom as one Enhanced CT object: valid, and the same scan as the classic series."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from pydicom import dcmread

from molre.ct.read import read
from molre.ct.survey import survey
from molre.errors import MolreError, RefusedScan
from molre.phantom.head import draw_head
from molre.phantom.plan import HEAD, SCANNER, Recipe
from molre.phantom.scanner import draw_scanner
from molre.phantom.write import write_phantoms
from tests.helpers.system import molre

FEW = {"findings": ("hydrocephalus", "acute_subdural_hemorrhage"), "max_slices": 8, "workers": 1}
STUDIES = 4


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantoms")
    write_phantoms(out / "classic", STUDIES, seed=15, **FEW)
    write_phantoms(out / "enhanced", STUDIES, seed=15, enhanced=True, **FEW)
    return out


def test_set_has_tilt_padding_and_both_signs():
    recipe = Recipe(seed=15, findings=FEW["findings"], max_slices=FEW["max_slices"])
    scanners = [
        draw_scanner(recipe.rng(i, SCANNER), draw_head(recipe.rng(i, HEAD))) for i in range(STUDIES)
    ]
    assert {scanner.signed for scanner in scanners} == {True, False}
    assert any(scanner.padding is not None for scanner in scanners)
    assert any(abs(scanner.tilt) > 0.05 for scanner in scanners)


@pytest.mark.parametrize("index", range(STUDIES))
def test_classic_and_enhanced_are_one_scan(both, index):
    classic = read(both / "classic" / f"study_{index:05d}")
    enhanced = read(both / "enhanced" / f"study_{index:05d}")
    np.testing.assert_array_equal(enhanced.hu, classic.hu)
    np.testing.assert_array_equal(enhanced.origins, classic.origins)
    np.testing.assert_array_equal(enhanced.orientation, classic.orientation)
    assert enhanced.content_hash == classic.content_hash
    assert enhanced.acquisition.kernel == classic.acquisition.kernel
    assert enhanced.acquisition.kvp == classic.acquisition.kvp is not None
    assert enhanced.acquisition.study_uid == classic.acquisition.study_uid
    assert enhanced.acquisition.synthetic
    assert [s.frame for s in enhanced.source] == list(range(8))


@pytest.mark.parametrize("index", range(STUDIES))
def test_validator_finds_no_error(both, index):
    tool = shutil.which("dciodvfy")
    if tool is None:
        pytest.skip("needs dciodvfy (Debian package dicom3tools), which is absent")
    path = both / "enhanced" / f"study_{index:05d}" / "enhanced.dcm"
    done = subprocess.run([tool, path], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "EnhancedCTImage" in said
    assert "Error" not in said


def test_one_object_holds_the_study_and_says_that_it_is_synthetic(both):
    (path,) = (both / "enhanced" / "study_00000").iterdir()
    ds = dcmread(path, stop_before_pixels=True)
    assert ds.SOPClassUID.name == "Enhanced CT Image Storage"
    assert ds.NumberOfFrames == len(ds.PerFrameFunctionalGroupsSequence) == 8
    assert ds.Manufacturer == "molre phantom (synthetic)"
    assert "SYNTHETIC" in ds.SeriesDescription


def test_labels_are_those_of_the_classic_set(both):
    first, second = (both / form / "labels.csv" for form in ("classic", "enhanced"))
    assert first.read_text() == second.read_text()


def test_set_of_the_other_form_is_not_mixed_in(both):
    with pytest.raises(MolreError, match="other values"):
        write_phantoms(both / "classic", STUDIES, seed=15, enhanced=True, **FEW)


def test_perfusion_map_of_a_phantom_is_refused(both, tmp_path):
    ds = dcmread(both / "enhanced" / "study_00000" / "enhanced.dcm")
    kind = ["DERIVED", "PRIMARY", "PERFUSION", "RCBF"]
    ds.ImageType = kind
    shared = ds.SharedFunctionalGroupsSequence[0]
    shared.CTImageFrameTypeSequence[0].FrameType = kind
    ds.save_as(tmp_path / "map.dcm")
    with pytest.raises(RefusedScan, match=r"a derived map \(perfusion\), not in HU"):
        read(tmp_path / "map.dcm")
    assert not survey(tmp_path).studies


def test_command_line_writes_what_its_options_ask(tmp_path):
    few = ("--studies", 1, "--seed", 5, "--findings", "epidural_hemorrhage, pneumocephalus")
    molre("phantom", *few, "--prevalence", 1, "--severity", 1.5, "-o", tmp_path / "set")
    written = json.loads((tmp_path / "set/phantom.json").read_text())
    assert (written["seed"], written["prevalence"], written["severity"]) == (5, 1, 1.5)
    assert written["findings"] == ["epidural_hemorrhage", "pneumocephalus"]
    assert len(list((tmp_path / "set/study_00000").glob("*.dcm"))) > 1
    molre("phantom", *few, "--enhanced", "-o", tmp_path / "one")
    assert [p.name for p in (tmp_path / "one/study_00000").iterdir()] == ["enhanced.dcm"]
