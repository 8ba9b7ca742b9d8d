"""A known head: what is off its scale is refused, and what an honest scanner varies is read."""

from __future__ import annotations

from functools import cache

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.checks import hu_check
from molre.ct.checks.hu_check import UNCHECKED, check_hu
from molre.ct.read import read
from molre.errors import RefusedScan
from tests.helpers.ct.dicom_files import cube
from tests.helpers.ct.sampled_volumes import head, sampled
from tests.helpers.traps.scan import Scan, store

HEIGHTS = np.arange(-75, 80, 5.0)
PADDING = st.sampled_from([-1500, -2000, -2048, -3024, -32768])


@cache
def _head(noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """HU (slice, row, column), float64, of a head in air; a round field of view lies around."""
    hu = sampled(head(), HEIGHTS, pixel_mm=4.0).hu.astype(float)
    return np.rint(hu + np.random.default_rng(seed).normal(0, 1, hu.shape) * noise)


def _padded(values: np.ndarray, padding: float | None) -> np.ndarray:
    if padding is None:
        return values
    rows, columns = values.shape[1:]
    y, x = np.arange(rows) - (rows - 1) / 2, np.arange(columns) - (columns - 1) / 2
    outside = np.hypot(y[:, None], x[None, :]) > 0.5 * min(rows, columns)
    return np.where(outside, padding, values)


def _wrapped(hu: np.ndarray) -> np.ndarray:
    return np.where(hu < 0, hu + 65536, hu)


OFF = st.one_of(
    st.floats(300, 4000).map(lambda n: (1.0, n)),
    st.floats(-4000, -300).map(lambda n: (1.0, n)),
    st.sampled_from([(1.0, n) for n in (1024, -1024, 1000, -1000)]),
    st.floats(1.7, 1000).map(lambda s: (s, 0.0)),
    st.floats(0.0005, 0.75).map(lambda s: (s, 0.0)),
    st.sampled_from([(10.0, 0.0), (0.1, 0.0), (0.5, 0.0), (2.0, 0.0), (0.001, 0.0)]),
    st.tuples(st.floats(0.1, 20), st.just(1.0)).map(lambda t: (t[0], 1024 * t[0])),
    st.sampled_from([(-1.0, 0.0), (-1.0, 1024.0), (-10.0, 0.0)]),
)


@settings(max_examples=200, deadline=None)
@given(off=OFF, noise=st.sampled_from([0, 5, 20]), padding=st.one_of(st.none(), PADDING))
def test_any_other_scale_is_refused_padded_or_not(off, noise, padding):
    slope, intercept = off
    assert check_hu(_padded(_head(noise) * slope + intercept, padding)).problem


@settings(max_examples=40, deadline=None)
@given(
    off=st.floats(-20, 20), noise=st.floats(0, 60), padding=st.one_of(st.none(), PADDING),
    slices=st.tuples(st.integers(2, 20), st.integers(4, 31)), crop=st.integers(0, 12),
    seed=st.integers(0, 9), lowest=st.sampled_from([-1024, -1000, -32768]),
)  # fmt: skip
def test_what_an_honest_scanner_varies_is_read(off, noise, padding, slices, crop, seed, lowest):
    """Calibration, noise, clamped air, a part of the head, a part of the field of view, padding."""
    hu = _head(round(noise), seed) + off
    hu = hu[slices[0] : slices[0] + slices[1], crop : 60 - crop, crop : 60 - crop]
    assert check_hu(_padded(np.maximum(hu, lowest), padding)).problem is None


@settings(max_examples=20, deadline=None)
@given(
    low=st.integers(-200, 10), width=st.integers(60, 500),
    scale=st.sampled_from([(0, 255), (0, 4095), (-1024, 3071)]),
)  # fmt: skip
def test_gray_values_of_a_window_are_refused_whatever_their_range(low, width, scale):
    gray = np.clip((_head(5) - low) / width, 0, 1)
    assert check_hu(np.rint(scale[0] + gray * (scale[1] - scale[0]))).problem


@pytest.mark.parametrize("padding", [None, -2000, 3071])
def test_a_whole_head_is_not_only_read_but_checked(padding):
    assert check_hu(_padded(_head(5), padding)).checked


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_negative_values_without_their_sign_are_refused(share):
    hu = _head(20)
    some = np.random.default_rng(0).random(hu.shape) < share
    assert "65,536" in check_hu(np.where(some, _wrapped(hu), hu)).problem


HONEST = {
    "skull-stripped, air around": lambda hu: np.where((hu > -10) & (hu < 90), hu, -1000),
    "skull-stripped, padding around": lambda hu: np.where((hu > -10) & (hu < 90), hu, -2000),
    "defaced with air": lambda hu: np.where(np.arange(60)[:, None] < 20, -1000, hu),
    "defaced with zeros": lambda hu: np.where(np.arange(60)[:, None] < 20, 0, hu),
    "metal": lambda hu: np.where(hu > 800, 12000, hu),
    "air alone": lambda hu: np.full_like(hu, -1000),
    "water in air": lambda hu: np.where(hu > -500, 0, -1000),
    "noise": lambda hu: np.random.default_rng(0).uniform(-1024, -770, hu.shape),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_contradicts_nothing_is_read(name):
    assert check_hu(HONEST[name](_head(5))).problem is None


@pytest.mark.parametrize("name", ["windowed to 255", "from 0 to 1", "offset, no air"])
def test_one_voxel_of_padding_ends_no_check(name):
    hu = _head(5)
    values = {
        "windowed to 255": np.clip(hu * 255 / 80, 0, 255),
        "from 0 to 1": np.clip((hu + 1024) / 4095, 0, 1),
        "offset, no air": np.where(hu < -500, 0, hu + 1024),
    }[name]
    values[0, 0, 0] = -2000
    assert check_hu(values).problem


def test_no_number_is_nothing_to_judge():
    assert check_hu(np.full(9, np.nan)) == check_hu(np.empty(0))
    assert not check_hu(np.empty(0)).checked


NIFTI = {
    "10": (lambda hu: hu * 10, "0.1:"),
    "0.5": (lambda hu: hu * 0.5, "2:"),
    "1024": (lambda hu: hu + 1024, "1:-1024"),
    "-1024": (lambda hu: hu - 1024, "1:1024"),
    "wrapped": (_wrapped, "convert the original"),
    "sign": (lambda hu: -hu, "convert the original"),
}


@pytest.mark.parametrize("padding", [None, -2000])
@pytest.mark.parametrize("name", NIFTI)
def test_a_nifti_off_its_scale_is_refused_with_a_map_where_there_is_one(tmp_path, name, padding):
    change, remedy = NIFTI[name]
    values = _padded(change(_head(10)), padding).transpose(2, 1, 0)
    nibabel.save(
        nibabel.Nifti1Image(values.astype(np.float32), np.diag([-4, -4, 5, 1])), tmp_path / "x.nii"
    )
    with pytest.raises(RefusedScan, match="not in HU") as refused:
        read(tmp_path / "x.nii")
    assert remedy in refused.value.fix


DICOM = {
    "the intercept is lost": {"intercept": 0, "signed": True, "by": 1024},
    "the intercept is applied twice": {"intercept": 0, "signed": True, "by": -1024},
}


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("padding", [None, -2000])
@pytest.mark.parametrize("name", DICOM)
def test_a_dicom_series_off_its_scale_is_refused(tmp_path, name, padding, tagged):
    how = dict(DICOM[name])
    store(tmp_path, _scan(_padded(_head(10) + how.pop("by"), padding)), **how,
          edit=(lambda i, ds: _tag(ds)) if tagged and padding else None)  # fmt: skip
    with pytest.raises(RefusedScan, match="air"):
        read(tmp_path)


def test_one_slice_that_lost_its_intercept_is_found_among_the_others(tmp_path):
    hu = _head(10).copy()
    hu[10] += 1024
    store(tmp_path, _scan(hu), intercept=0, signed=True)
    honest = sorted(tmp_path.iterdir())
    _forget_intercept(honest[10])
    with pytest.raises(RefusedScan, match="not in HU"):
        read(tmp_path)


def test_a_scan_without_air_or_brain_is_read_with_a_note(tmp_path):
    nibabel.save(
        nibabel.Nifti1Image(cube().transpose(2, 1, 0) * 0 - 990, np.diag([-1, -1, 5, 1])),
        tmp_path / "x.nii",
    )
    assert UNCHECKED in read(tmp_path / "x.nii").notes


def _scan(values: np.ndarray) -> Scan:
    origins = np.zeros((len(values), 3))
    origins[:, 2] = HEIGHTS
    return Scan(values.astype(np.int16), origins, np.eye(3)[:2], (4.0, 4.0))


def _tag(ds) -> None:
    ds.PixelPaddingValue = -2000
    ds["PixelPaddingValue"].VR = "SS"


def _forget_intercept(path) -> None:
    from pydicom import dcmread

    ds = dcmread(path)
    del ds.RescaleIntercept
    ds.save_as(path)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.integers(-70_000, 70_000), st.floats()), min_size=1, max_size=40),
    st.sampled_from(["<i2", "<u2", "<i4", "<f4", "<f8"]),
    st.floats(0, 1),
)
def test_sorted_values_are_counted_as_numpy_does(numbers, kind, share):
    with np.errstate(all="ignore"):
        finite = [n for n in numbers if kind[1] == "f" or np.isfinite(n)] or [0]
        values = np.array(finite, dtype=np.float64).astype(kind)
    known = np.sort(values.astype(np.float64)[np.isfinite(values)])
    found = hu_check._ascending(values)
    np.testing.assert_array_equal(found, known)
    for mine, theirs in zip(
        hu_check._counted(found), np.unique(known, return_counts=True), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    if known.size and np.abs(known).max() < 1e30:
        assert hu_check._quantile(found, share) == np.quantile(known, share)
