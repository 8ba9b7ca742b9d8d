"""Real scans whose headers are odd, wrong or bare, by name and with their values."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from molre.ct.checks.head import check_head
from molre.ct.checks.quality import flags
from molre.ct.read import read
from molre.ct.survey import survey
from molre.errors import RefusedScan

NO_UNIT = "Patient Age has no unit: the age is unknown"
NEWBORN = "the birth date is the day of the scan: taken as a newborn"


scan = cache(read)


@dataclass(frozen=True)
class Known:
    """What is known of one series.

    Attributes:
        path: below ``data``.
        slices, hu, steps: how many, the least and the largest HU, and every step that occurs, mm.
        spacing: mm between pixels.
        tilt: of the gantry, degrees.
        notes: what is said of it.
        kind: of the head check.
    """

    path: str
    slices: int
    hu: tuple[int, int]
    steps: tuple[float, ...]
    spacing: float
    tilt: float = 0.0
    notes: tuple[str, ...] = ()
    kind: str = "incomplete"


RSNA, AISD = "rsna_2019_slices", "aisd_siemens_ncct"
PADDED = "{} of the pixels were padding or below -1024 HU: now air"
OBLIQUE = "oblique: the slices are {} degrees off axial"
SCANS = [
    Known(f"{AISD}/perspective_8mm.zip", 17, (-1024, 1970), (8.0,), 0.4375, kind="head"),
    Known(
        f"{AISD}/emotion6_9mm_tilt.zip", 14, (-1024, 1809), (8.901, 9.0), 0.42578125, 6.0,
        (NO_UNIT, "gantry tilt of 6.0 degrees: the slices are sheared",
         "uneven slice steps, 8.90 to 9.00 mm"), "head",
    ),
    Known(f"{RSNA}/ID_000000e27.dcm", 1, (-1024, 1430), (), 0.48828125, 0, (OBLIQUE.format(11),)),
    Known(f"{RSNA}/ID_0007ff5d1.dcm", 1, (-1000, 1454), (), 0.48828125, 0, (OBLIQUE.format(24),)),
    Known(
        f"{RSNA}/ID_52c9913b1.dcm", 1, (-1024, 1620), (), 0.488281, 0,
        (PADDED.format("21.6%"), OBLIQUE.format(23)), "not_a_head",
    ),
    Known(f"{RSNA}/ID_63eb1e259.dcm", 1, (-1018, 1441), (), 0.48828125),
    Known(
        "hydrocephalus_shunt_ct/ct", 4, (-1022, 1515), (0.7,), 0.376953125, 0, (NEWBORN,),
    ),
    Known(
        "cq500_1_slice", 1, (-1024, 1509), (), 0.564453, 0,
        (PADDED.format("21.7%"), OBLIQUE.format(15)),
    ),
]  # fmt: skip


@pytest.fixture(params=SCANS, ids=lambda known: known.path)
def known(request: pytest.FixtureRequest) -> Known:
    return request.param


def datasets(path: Path) -> list[Dataset]:
    """Every slice as pydicom alone reads it, ascending."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            names = [name for name in packed.namelist() if name.endswith(".dcm")]
            raw = [packed.read(name) for name in names]
    else:
        files = [path] if path.is_file() else [p for p in path.iterdir() if p.suffix == ".dcm"]
        raw = [file.read_bytes() for file in files]
    found = [pydicom.dcmread(io.BytesIO(one), force=True) for one in raw]
    return sorted(found, key=lambda ds: float(ds.ImagePositionPatient[2]))


@pytest.mark.filterwarnings("ignore")  # what pydicom says of such headers
def test_values_are_those_of_the_file_and_places_those_of_the_header(shared, known):
    volume, slices = scan(shared / "data" / known.path), datasets(shared / "data" / known.path)
    assert len(volume) == len(slices) == known.slices
    for hu, origin, ds in zip(volume.hu, volume.origins, slices, strict=True):
        stored = ds.pixel_array.astype(int) * int(ds.RescaleSlope) + int(ds.RescaleIntercept)
        np.testing.assert_array_equal(hu, np.clip(stored, -1024, 3071))
        np.testing.assert_allclose(origin, np.array(ds.ImagePositionPatient, dtype=float))
    assert (volume.hu.min(), volume.hu.max()) == known.hu


def test_geometry_and_what_is_said_of_it(shared, known):
    volume = scan(shared / "data" / known.path)
    assert volume.tilt_degrees == pytest.approx(known.tilt, abs=0.05)
    assert volume.pixel_spacing == pytest.approx((known.spacing, known.spacing), abs=1e-6)
    assert sorted(set(np.round(volume.steps, 3))) == pytest.approx(list(known.steps), abs=1e-3)
    assert volume.notes == known.notes
    assert check_head(volume).kind == known.kind


def test_names_under_wrong_vrs_and_in_gb18030_are_read(shared):
    one = scan(shared / "data" / AISD / "perspective_8mm.zip").acquisition
    other = scan(shared / "data" / AISD / "emotion6_9mm_tilt.zip").acquisition
    assert (one.patient_id, one.age, one.sex, one.kernel) == ("AISD-A", 84.0, "F", "J30s\\3")
    assert (other.patient_id, other.age, other.sex, other.kernel) == ("AISD-B", None, "M", "H30s")
    assert (one.model, other.model) == ("SOMATOM Perspective", "Emotion 6")


def test_bare_headers_are_four_studies_and_none_is_refused(shared):
    found = survey([shared / "data" / RSNA])
    assert (len(found.studies), found.rejects) == (4, ())
    made = [study.series[0].acquisition for study in found.studies]
    assert {one.manufacturer for one in made} == {one.slice_thickness for one in made} == {None}


def test_a_spacing_that_contradicts_its_thickness_is_not_taken_for_steps(shared):
    volume = scan(shared / "data" / "cq500_1_slice")
    assert volume.acquisition.slice_thickness == 5.0
    assert not any("20.7" in note or "missing" in note for note in volume.notes)


def test_masks_are_refused_and_the_child_beside_them_is_flagged(shared):
    folder = shared / "data" / "hydrocephalus_shunt_ct"
    with pytest.raises(RefusedScan, match="hold no air"):
        read(folder / "ventricle_mask.zip")
    child = scan(folder / "ct")
    assert {"pediatric", "incomplete"} <= {flag.name for flag in flags(child)}
    inside = np.stack([ds.pixel_array for ds in datasets(folder / "ventricle_mask.zip")]) == 1
    means = [float(hu[mask].mean()) for hu, mask in zip(child.hu, inside, strict=True)]
    assert means == pytest.approx([8.7] * 4, abs=0.25)  # fluid, as measured by the data's makers
