"""Bits above Bits Stored: an overlay is not part of a value, metal and padding are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import RLELossless

from molre.ct.dicom.unused_bits import values_of
from molre.ct.read import read
from molre.errors import RefusedScan
from tests.helpers.traps.scan import scan, store


def _image(seed: int = 0, top: int = 3000) -> np.ndarray:
    """A smooth hill in noise, 0 to ``top``, (48, 48), int64."""
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    noise = np.random.default_rng(seed).normal(0, 8, y.shape)
    return np.rint(np.clip(top * np.exp(-3 * (x**2 + y**2)) + noise, 0, None)).astype(np.int64)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 99), signed=st.booleans(), bits=st.integers(12, 15),
    kind=st.sampled_from(["text", "everywhere", "rubbish"]),
)  # fmt: skip
def test_what_lies_above_an_image_is_not_part_of_it(seed, signed, bits, kind):
    image, rng = np.minimum(_image(seed), 2047), np.random.default_rng(seed)
    above = rng.integers(0, 1 << 16 - bits, image.shape) << bits
    if kind == "everywhere":
        above[:] = 1 << bits
    elif kind == "text":
        above *= rng.random(image.shape) < 0.05
    raw = (image | above).astype("<u2").view("<i2" if signed else "<u2")
    stored, kept = values_of(raw, bits)
    np.testing.assert_array_equal(stored, image)
    assert not kept


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), signed=st.booleans(), top=st.integers(4600, 9000))
def test_values_that_go_on_above_the_stated_bits_are_values(seed, signed, top):
    image = _image(seed, top) - 400 * signed
    stored, kept = values_of(image.astype(np.int16 if signed else np.uint16), 12)
    np.testing.assert_array_equal(stored, image)
    assert kept


def test_a_sign_need_not_reach_into_unused_bits():
    image = _image(top=2800) - 1000
    raw = (image & 0xFFF).astype(np.int16)
    np.testing.assert_array_equal(values_of(raw, 12)[0], image)


@pytest.mark.parametrize("padding", [(-2000, -2000), (63536, 63536), (63000, -1500)])
def test_padding_is_compared_with_all_bits(padding):
    raw = _image().astype(np.uint16)
    raw[:8] = 63536  # -2000 without its sign; its lowest 12 bits are 2096
    stored, kept = values_of(raw, 12, padding)
    assert (stored[:8] == 63536).all()
    assert not kept


def test_bits_of_left_aligned_rle_are_not_certain(tmp_path):
    def shift(index, ds):
        ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") << 4).tobytes()
        ds.BitsStored, ds.HighBit = 12, 15

    for path in store(tmp_path, scan(), edit=shift):
        ds = dcmread(path)
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(path)
    with pytest.raises(RefusedScan, match="12 bits below bit 15"):
        read(tmp_path)
