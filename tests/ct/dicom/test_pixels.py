"""Stored values to HU: rescale, padding, saturation, and what is not HU."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

from molre.ct.dicom.pixels import to_hu
from molre.ct.read import read
from molre.errors import RefusedScan
from tests.helpers.ct.dicom_files import Turn as Turned
from tests.helpers.ct.dicom_files import (
    ct_slice,
    cube,
    one_slice,
    place,
    positions,
    save,
    set_pixels,
    write_series,
)


def _read(tmp_path, ds):
    return read(save(ds, tmp_path / "one.dcm"))


def _signed(stored, **header):
    ds = ct_slice(stored.astype(np.int16))
    origins, orientation = positions(1)
    place(ds, origins[0], orientation, (2.0, 2.0), stored.shape, Turned())
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    return ds


def test_every_slice_has_its_own_slope(tmp_path):
    slopes = [1.0, 2.0, 0.5, 1.0, 1.5]
    write_series(tmp_path, slope=slopes, intercept=-1200.0)
    difference = read(tmp_path).hu.astype(int) - cube()
    assert np.abs(difference).max() <= 1
    np.testing.assert_array_equal(difference[[0, 2, 3]], 0)


def test_signed_pixels_without_offset(tmp_path):
    write_series(tmp_path, signed=True, intercept=0.0)
    np.testing.assert_array_equal(read(tmp_path).hu, cube())


def test_sixteen_bit_arithmetic_does_not_wrap(tmp_path):
    ds = one_slice(cube()[0])
    stored = np.full((12, 10), 60000, np.uint16)
    stored[:6] = 0
    set_pixels(ds, stored)
    hu = _read(tmp_path, ds).hu[0]
    assert set(np.unique(hu)) == {-1024, 3071}


@pytest.mark.parametrize("tagged", [True, False])
def test_padding_below_the_scale_becomes_air(tmp_path, tagged):
    image = cube()[0]
    image[:3] = -2000
    header = {"PixelPaddingValue": -2000} if tagged else {}
    hu = _read(tmp_path, _signed(image, **header)).hu[0]
    assert (hu[:3] == -1024).all()
    np.testing.assert_array_equal(hu[3:], cube()[0, 3:])


@pytest.mark.parametrize("padding", [(-1300, -1100), (-1100, -1000), (-1025, None), (-3000, -1025)])
@pytest.mark.parametrize("intercept", [0.0, -24.0])
def test_padding_on_either_side_of_the_scale_as_voxel_by_voxel(padding, intercept):
    stored = np.random.default_rng(0).choice([-1300, -1100, -1025, -1000, -30, 40, 3100], (30, 30))
    stored = stored.astype(np.int16)
    first, last = padding[0], padding[0] if padding[1] is None else padding[1]
    is_padding = (stored >= first) & (stored <= last)
    hu = stored + int(intercept)
    air = is_padding | (hu < -1024)
    plane = SimpleNamespace(slope=1.0, intercept=intercept)
    out = np.empty(stored.shape, np.int16)
    made = to_hu(stored, plane, (first, last), out)
    np.testing.assert_array_equal(out, np.where(air, -1024, np.minimum(hu, 3071)))
    assert (made.padded, made.lowest) == (int(air.sum()), int(hu.min()))
    assert sorted(made.sample) == sorted(hu[~is_padding])


def test_padding_tag_of_the_other_signedness(tmp_path):
    image = cube()[0]
    image[:3] = -2000
    ds = _signed(image)
    ds.add_new("PixelPaddingValue", "US", 63536)
    assert (_read(tmp_path, ds).hu[0, :3] == -1024).all()


def test_padding_range(tmp_path):
    image = cube()[0]
    image[:2], image[2] = 3500, 3700
    ds = _signed(image, PixelPaddingValue=3500, PixelPaddingRangeLimit=3800)
    hu = _read(tmp_path, ds).hu[0]
    assert (hu[:3] == -1024).all()
    np.testing.assert_array_equal(hu[3:], cube()[0, 3:])


def test_padding_value_that_is_water_counts_only_at_the_border(tmp_path):
    image = np.full((12, 10), 30, np.int16)
    image[:2], image[:, :2] = 0, 0
    image[6:8, 5:7] = 0  # a ventricle
    image[9, 9] = -900
    hu = _read(tmp_path, _signed(image, PixelPaddingValue=0)).hu[0]
    assert (hu[:2] == -1024).all()
    assert (hu[:, :2] == -1024).all()
    assert (hu[6:8, 5:7] == 0).all()


def test_metal_saturates_with_a_note(tmp_path):
    image = cube()[0]
    image[5, 5] = 9000
    volume = _read(tmp_path, _signed(image))
    assert volume.hu.max() == 3071
    assert any("saturat" in note for note in volume.notes)


def test_unsigned_values_without_rescale_are_not_hu(tmp_path):
    ds = one_slice(cube()[0])
    del ds.RescaleIntercept
    with pytest.raises(RefusedScan, match="not in HU"):
        _read(tmp_path, ds)


def test_padding_does_not_pass_for_air_where_rescale_is_missing(tmp_path):
    image = np.full((12, 10), 1060, np.uint16)
    image[:3] = 0
    ds = one_slice(cube()[0])
    set_pixels(ds, image)
    del ds.RescaleIntercept
    ds.PixelPaddingValue = 0
    with pytest.raises(RefusedScan, match="not in HU"):
        _read(tmp_path, ds)


def test_intercept_of_zero_on_offset_values_is_not_hu_either(tmp_path):
    write_series(tmp_path, RescaleIntercept=0)
    with pytest.raises(RefusedScan, match="not in HU"):
        read(tmp_path)


def test_signed_values_with_air_pass_without_rescale_and_say_so(tmp_path):
    ds = _signed(cube()[0])
    del ds.RescaleSlope, ds.RescaleIntercept
    volume = _read(tmp_path, ds)
    np.testing.assert_array_equal(volume.hu[0], cube()[0])
    assert any("rescale" in note for note in volume.notes)


@pytest.mark.parametrize("value", ["nan", "inf", "1e30", "0"])
def test_absurd_slope_is_no_traceback(tmp_path, value):
    ds = one_slice(cube()[0])
    path = save(ds, tmp_path / "one.dcm")
    raw = path.read_bytes()
    tag = b"\x28\x00\x53\x10DS"
    at = raw.index(tag)
    length = int.from_bytes(raw[at + 6 : at + 8], "little")
    text = value.encode().ljust(4)
    path.write_bytes(
        raw[: at + 6] + len(text).to_bytes(2, "little") + text + raw[at + 8 + length :]
    )
    with pytest.raises(RefusedScan):
        read(path)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.51", "JPEG Extended"),
        ("1.2.840.10008.1.2.4.50", "JPEG Baseline"),
        ("1.2.840.10008.1.2.4.100", "MPEG2"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4"),
    ],
)
def test_compression_without_a_decoder_asks_for_an_uncompressed_export(tmp_path, syntax, name):
    ds = one_slice(cube()[0])
    ds.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    ds["PixelData"].is_undefined_length = True
    with pytest.raises(RefusedScan, match=name) as error:
        read(save(ds, tmp_path / "one.dcm", syntax))
    assert "uncompressed" in (error.value.fix or "")
    assert "copy" not in (error.value.fix or "")


def test_damaged_compressed_pixels_are_refused(tmp_path):
    ds = one_slice(cube()[0])
    ds.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    ds["PixelData"].is_undefined_length = True
    with pytest.raises(RefusedScan, match="cannot be decoded"):
        read(save(ds, tmp_path / "one.dcm", "1.2.840.10008.1.2.4.70"))


def test_jpeg_2000_stream_whose_sign_differs_from_the_header():
    """A CT that pydicom ships; its values are those of the header's sign."""
    volume = read(get_testdata_file("J2K_pixelrep_mismatch.dcm", download=False))
    assert (volume.hu.min(), volume.hu.max()) == (-1024, 1896)
    assert -1000 < np.median(volume.hu[volume.hu > -1024]) < 200
