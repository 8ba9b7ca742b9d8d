"""Quality flags on real heads: nothing that is not so, and what is known to be missing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from molre.ct.checks.quality import flags
from molre.ct.read import read
from molre.ct.volume import Acquisition, SliceSource, Volume

# patients of whom the source lacks a slice between others
LACKING = {"p068", "p075", "p076", "p080", "p094"}


def names(volume: Volume) -> set[str]:
    return {flag.name for flag in flags(volume)}


def test_the_ge_head_gets_only_what_is_true_of_it(shared: Path):
    """Tilted, turned by some 10 degrees, two steps, and a table of two detector rows."""
    (only,) = flags(read(shared / "data/ge_hispeed_head_tilt"))
    assert only.name == "thick_slices"
    assert only.words == "13 of 27 steps exceed 6 mm, up to 7.0 mm"


def test_the_population_template_has_nothing(shared: Path):
    assert names(read(shared / "data/nifti/cq500_template_with_skull_2mm.nii.gz")) == set()


def test_plastic_is_no_head_and_gets_no_remarks_about_one(shared: Path):
    found = names(read(shared / "data/philips_ingenuity_phantom_study"))
    assert "not_a_head" in found
    assert not found & {"motion", "noisy", "rotated", "off_center", "vertex_cut", "base_cut"}


def from_images(folder: Path) -> Volume:
    """A patient of CT-ICH, from bone-window images: brain is 30 HU, 12.5 HU a gray value.

    The window is not stored; air, tissue and bone come out as they should. Pixels of 250 / 650 mm
    and steps of 5 mm are taken for granted.
    """
    files = sorted((folder / "bone").glob("*.jpg"))
    gray = np.stack([np.asarray(Image.open(f).convert("L")) for f in files]).astype(float)
    middle = gray[len(gray) // 2]
    brain = np.argmax(np.bincount(middle[middle > 20].astype(int), minlength=256))
    hu = np.where(gray < 6, -1000, np.clip(30 + (gray - brain) * 12.5, -1024, 3071))
    heights = [5.0 * int(f.stem) for f in files]
    return Volume(
        hu=hu.astype(np.int16),
        origins=np.array([[0, 0, z] for z in heights]),
        orientation=np.array([[1.0, 0, 0], [0, 1.0, 0]]),
        pixel_spacing=(250 / 650, 250 / 650),
        source=tuple(SliceSource(i) for i in range(len(files))),
        acquisition=Acquisition(slice_thickness=5.0),
    )


@pytest.fixture(scope="module")
def patients(shared: Path) -> dict[str, set[str]]:
    """Flags of each."""
    folders = [f for f in sorted((shared / "data/ct_ich_slices").glob("p*")) if f.is_dir()]
    return {folder.name: names(from_images(folder)) for folder in folders}


def flagged(patients: dict[str, set[str]], name: str) -> set[str]:
    return {patient for patient, found in patients.items() if name in found}


def test_sixteen_patients_at_rest_have_no_motion(patients: dict[str, set[str]]):
    assert len(patients) == 16
    assert flagged(patients, "motion") == set()
    assert flagged(patients, "fov_cut") == set()


def test_the_slices_that_the_source_lacks_are_missed(patients: dict[str, set[str]]):
    assert flagged(patients, "gaps") == LACKING


def test_the_heads_that_are_turned_and_off_center_are_told(patients: dict[str, set[str]]):
    """As anyone sees on the images: 51 is turned by a third of a right angle, 80 is far left."""
    assert flagged(patients, "rotated") == {"p051"}
    assert flagged(patients, "off_center") == {"p080"}
    assert "incomplete" in patients["p085"]  # a newborn, 70 mm of brain


def test_real_scans_without_contrast_show_none(shared: Path, patients: dict[str, set[str]]):
    for path in sorted((shared / "data/aisd_siemens_ncct").glob("*.zip")):
        assert "possible_contrast" not in names(read(path))
    assert flagged(patients, "possible_contrast") == set()
    for folder in sorted((shared / "data/ct_ich_more").glob("p*"))[::5]:
        assert "possible_contrast" not in names(from_images(folder))
