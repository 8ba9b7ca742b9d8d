"""Uncompressed pixels taken from the file's bytes: the same as pydicom's decoder gives."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from molre.ct.dicom.header import read_header
from molre.ct.dicom.pixels import stored_values
from molre.ct.files.entries import Entries
from molre.ct.read import read
from molre.errors import RefusedScan
from tests.helpers.ct.dicom_files import cube, enhanced, one_slice, save, save_bare, set_pixels

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]


def _header(path):
    data = path.read_bytes()
    return read_header(io.BytesIO(data), str(path), len(data))


def _ours(path):
    """Stored values, and that they came straight from the bytes."""
    header = _header(path)
    assert header.pixels is not None
    with Entries() as entries:
        return stored_values(header, entries)


def _file(path, bits, signed, stored_bits, syntax, data, shape):
    """A slice whose pixel data are exactly these bytes."""
    ds = one_slice(np.zeros(shape, np.int16))
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, stored_bits, stored_bits - 1
    ds.PixelRepresentation = int(signed)
    ds.PixelData = data
    ds["PixelData"].VR = "OW"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    dcmwrite(path, ds, enforce_file_format=True)
    return path


@pytest.mark.filterwarnings("ignore:The pixel data is:UserWarning")  # pydicom's, of a pad byte
@settings(max_examples=60, deadline=None)
@given(
    syntax=st.sampled_from(SYNTAXES),
    signed=st.booleans(),
    layout=st.sampled_from([(16, 16), (16, 12), (16, 13), (16, 1), (32, 32), (32, 20)]),
    shape=st.tuples(st.integers(1, 7), st.integers(2, 7)),
    extra=st.integers(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_bits_are_read_as_the_decoder_reads_them(
    tmp_path_factory, syntax, signed, layout, shape, extra, seed
):
    bits, stored_bits = layout
    size = shape[0] * shape[1] * bits // 8
    data = np.random.default_rng(seed).bytes(size + extra)  # bits that are not stored: garbage
    path = tmp_path_factory.mktemp("native") / "one.dcm"
    _file(path, bits, signed, stored_bits, syntax, data, shape)
    ours = _ours(path)
    theirs = pixel_array(dcmread(path), raw=True).reshape(ours.shape)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype.isnative
    assert (ours.dtype.kind, ours.dtype.itemsize) == (theirs.dtype.kind, theirs.dtype.itemsize)


def test_garbage_above_twelve_bits_counts_for_nothing(tmp_path):
    values = np.array([[-1024, -1, 0, 1, 1500, 2047]], np.int16)
    garbage = (values.astype(np.uint16) & 0x0FFF) | 0xA000
    path = _file(
        tmp_path / "a", 16, True, 12, ExplicitVRLittleEndian, garbage.tobytes(), values.shape
    )
    np.testing.assert_array_equal(_ours(path)[0], values)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_frames_of_an_enhanced_ct(tmp_path, syntax):
    path = save(enhanced(cube()), tmp_path / "e.dcm", syntax)
    np.testing.assert_array_equal(_ours(path), cube().astype(int) + 1024)


@settings(max_examples=40, deadline=None)
@given(st.integers(31_000, 33_500), st.sampled_from(SYNTAXES), st.booleans())
def test_headers_of_any_length(tmp_path_factory, length, syntax, sequence):
    """The pixels begin, or an element ends, wherever a reader of blocks may stop."""
    ds = one_slice(cube()[0])
    if sequence:
        item = Dataset()
        item.add_new((0x0009, 0x0010), "LO", "PRIVATE")
        item.add_new((0x0009, 0x1001), "OB", bytes(length // 2 * 2))
        ds.RequestAttributesSequence = [item]
        ds["RequestAttributesSequence"].is_undefined_length = True
    else:
        ds.add_new((0x0043, 0x0010), "LO", "PRIVATE")
        ds.add_new((0x0043, 0x1001), "OB", bytes(length // 2 * 2))
    path = save(ds, tmp_path_factory.mktemp("long") / "one.dcm", syntax)
    np.testing.assert_array_equal(_ours(path)[0], cube()[0].astype(int) + 1024)
    header = _header(path)
    assert header.acquisition.kernel == "H31s"
    assert header.planes[0].intercept == -1024


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_files_without_meta(tmp_path, implicit, little):
    path = save_bare(one_slice(cube()[0]), tmp_path / "bare", implicit=implicit, little=little)
    np.testing.assert_array_equal(_ours(path)[0], cube()[0].astype(int) + 1024)


def test_explicit_elements_under_an_implicit_syntax(tmp_path):
    """Some writers name the wrong syntax; the parser copes, and so does the length."""
    path = save(one_slice(cube()[0]), tmp_path / "one.dcm", ExplicitVRLittleEndian)
    data = path.read_bytes()
    explicit = b"1.2.840.10008.1.2.1\0"
    assert explicit in data
    path.write_bytes(data.replace(explicit, b"1.2.840.10008.1.2\0\0\0"))
    np.testing.assert_array_equal(_ours(path)[0], cube()[0].astype(int) + 1024)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("lost", [1, 2, 50, 239])
def test_cut_off_pixels_are_refused(tmp_path, syntax, lost):
    path = save(one_slice(cube()[0]), tmp_path / "one.dcm", syntax)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(RefusedScan, match=f"cut off: {240 - lost} of 240 bytes"):
        read(path)


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path):
    path = save(one_slice(cube()[0]), tmp_path / "one.dcm")
    header = _header(path)
    path.write_bytes(path.read_bytes()[:-10])
    with Entries() as entries, pytest.raises(RefusedScan, match="cut off: 230 of 240 bytes"):
        stored_values(header, entries)


def test_pixel_data_element_that_is_too_short_is_refused(tmp_path):
    ds = one_slice(cube()[0])
    ds.PixelData = ds.PixelData[:-10]
    ds.add_new((0xFFFC, 0xFFFC), "OB", b"\0" * 300)  # the file itself is long enough
    with pytest.raises(RefusedScan, match="cut off: 230 of 240 bytes"):
        read(save(ds, tmp_path / "one.dcm"))


def test_more_frames_of_pixels_than_the_header_says_are_refused(tmp_path):
    ds = one_slice(cube()[0])
    ds.PixelData = ds.PixelData * 2
    with pytest.raises(RefusedScan, match="more than 1 frames"):
        read(save(ds, tmp_path / "one.dcm"))


def test_padding_after_the_pixels_is_left_out(tmp_path):
    ds = one_slice(cube()[0])
    ds.PixelData = ds.PixelData + bytes(98)
    np.testing.assert_array_equal(read(save(ds, tmp_path / "one.dcm")).hu[0], cube()[0])


def test_bits_that_lie_elsewhere_are_refused_rather_than_guessed(tmp_path):
    ds = one_slice(cube()[0])
    ds.BitsStored, ds.HighBit = 12, 15
    with pytest.raises(RefusedScan, match="below bit 15"):
        read(save(ds, tmp_path / "one.dcm"))


@pytest.mark.parametrize(
    "keyword",
    ["PixelRepresentation", "BitsStored", "BitsAllocated", "PhotometricInterpretation"],
)
def test_what_pixels_mean_is_never_assumed(tmp_path, keyword):
    ds = one_slice(cube()[0])
    delattr(ds, keyword)
    name = dictionary_description(keyword)
    with pytest.raises(RefusedScan, match=f"its header does not state {name}"):
        read(save(ds, tmp_path / "one.dcm"))


@pytest.mark.parametrize("bits", [16, 32])
def test_large_stored_values_with_a_large_intercept(tmp_path, bits):
    """Stored values beyond 16 signed bits, HU within: no step on the way may wrap wrongly."""
    ds = one_slice(cube()[0], intercept=-32000)
    stored = cube()[0].astype(int) + 32000
    if bits == 32:
        ds = thirty_two_bits(ds, stored.astype("<u4"))
    else:
        set_pixels(ds, stored.astype(np.uint16))
    np.testing.assert_array_equal(read(save(ds, tmp_path / "one.dcm")).hu[0], cube()[0])


def thirty_two_bits(ds, stored):
    """The same slice with 32 bits a pixel."""
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 32, 32, 31
    ds.PixelData = stored.tobytes()
    return ds


def test_the_decoder_and_the_bytes_agree_on_a_whole_slice(tmp_path):
    path = save(one_slice(cube()[0]), tmp_path / "one.dcm")
    header = _header(path)
    with Entries() as entries:
        by_decoder = stored_values(replace(header, pixels=None), entries)
        np.testing.assert_array_equal(stored_values(header, entries), by_decoder)


@pytest.mark.parametrize("side", ["Rows", "Columns"])
@pytest.mark.parametrize("fewer", [1, 3])
def test_a_side_that_the_header_states_too_short_is_refused_and_never_shears(tmp_path, side, fewer):
    ds = one_slice(cube()[0])
    setattr(ds, side, getattr(ds, side) - fewer)
    with pytest.raises(RefusedScan, match="whole rows or columns more than"):
        read(save(ds, tmp_path / "one.dcm"))
