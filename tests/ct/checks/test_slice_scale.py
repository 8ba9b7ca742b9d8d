"""A slice that is not on the scale of its neighbors is refused, wherever it lies."""

from __future__ import annotations

import re
from functools import cache

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.checks.slice_scale import off_scale
from molre.ct.dicom.pixels import sampled as sample
from molre.ct.read import read
from molre.errors import RefusedScan
from tests.helpers.ct.sampled_volumes import head, sampled
from tests.helpers.traps.scan import Scan, store

SLICES = 31


@cache
def _head(noise: float = 5.0, seed: int = 0) -> Scan:
    volume = sampled(head(), np.linspace(-75, 75, SLICES), pixel_mm=4.0)
    noisy = volume.hu + noise * np.random.default_rng(seed).standard_normal(volume.hu.shape)
    hu = np.rint(np.clip(noisy, -1024, 3071)).astype(np.int16)
    return Scan(hu, volume.origins, volume.orientation, (4.0, 4.0))


def _swapped(hu: np.ndarray) -> np.ndarray:
    return (hu.astype(int) + 1024).astype("<u2").byteswap().astype(int) - 1024


def _windowed(hu: np.ndarray) -> np.ndarray:
    return np.clip((hu.astype(int) + 160) * 255 // 400, 0, 255)


OFF = {
    "rescaled twice": lambda hu: hu.astype(int) - 1024,
    "never rescaled": lambda hu: hu.astype(int) + 1024,
    "inverted": lambda hu: -hu.astype(int),
    "times two": lambda hu: hu.astype(int) * 2,
    "a window's gray values": _windowed,
    "a window's gray values, rescaled": lambda hu: _windowed(hu) - 1024,
    "of the other byte order": _swapped,
}


@settings(max_examples=60, deadline=None)
@given(
    off=st.sampled_from(sorted(OFF)), first=st.integers(6, 21), count=st.integers(1, 10),
    noise=st.sampled_from([0.0, 5.0, 20.0]),
)  # fmt: skip
def test_a_part_of_a_stack_that_is_off_scale_is_found(off, first, count, noise):
    count = min(count, 27 - first)  # above lies little but air
    slices = list(_head(noise).hu)
    slices[first : first + count] = [OFF[off](hu) for hu in slices[first : first + count]]
    found = off_scale([sample(hu).ravel() for hu in slices])
    assert found
    assert found[0] in (first - 1, first, first + count - 1, first + count)


@settings(max_examples=20, deadline=None)
@given(
    noise=st.floats(0, 60), seed=st.integers(0, 9), every=st.integers(1, 3),
    slices=st.tuples(st.integers(0, 20), st.integers(2, 31)), crop=st.integers(0, 14),
    off=st.floats(-20, 20), blank=st.integers(0, 30),
)  # fmt: skip
def test_what_an_honest_scanner_varies_is_not(noise, seed, every, slices, crop, off, blank):
    """Noise, calibration, thick steps, a part of the head or of the field of view, a blank."""
    hu = _head(round(noise), seed).hu + off
    hu[blank] = -1024
    hu = hu[slices[0] : slices[0] + slices[1] : every, crop : 60 - crop, crop : 60 - crop]
    assert off_scale([sample(one).ravel() for one in hu]) is None


@pytest.mark.parametrize("off", ["rescaled twice", "inverted", "a window's gray values"])
def test_a_series_with_such_slices_is_refused_and_names_the_first(tmp_path, off):
    whole = _head()

    def spoil(index, ds):
        if index in (14, 15):
            ds.PixelData = (OFF[off](whole.hu[index]) + 1024).astype("<i2").tobytes()

    store(tmp_path, whole, signed=True, edit=spoil)
    with pytest.raises(RefusedScan, match="slice 15 of 31 is not in HU as the others are") as said:
        read(tmp_path)
    assert re.search(r"014\.dcm$", str(said.value.where))


def test_a_nifti_with_such_slices_is_refused(tmp_path):
    hu = _head().hu.copy()
    hu[14] += 1024
    file = tmp_path / "scan.nii"
    nibabel.save(nibabel.Nifti1Image(hu.transpose(2, 1, 0), np.diag([-4.0, -4, 5, 1])), file)
    with pytest.raises(RefusedScan, match="slice 15 of 31 is not in HU as the others are"):
        read(file)
