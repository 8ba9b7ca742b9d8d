"""Where the voxels of a NIfTI begin: header extensions of any size, and offsets that cannot be."""

from __future__ import annotations

import gzip
import struct

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.read import read
from molre.errors import RefusedScan

SHAPE = (7, 6, 5)
KINDS = {
    "nifti1": (nibabel.Nifti1Image, 352, lambda n, order: (108, struct.pack(f"{order}f", n))),
    "nifti2": (nibabel.Nifti2Image, 544, lambda n, order: (168, struct.pack(f"{order}q", int(n)))),
}


def _values():
    values = np.random.default_rng(0).permutation(np.prod(SHAPE)).reshape(SHAPE) - 60
    values[0] = -1000
    return values.astype(np.int16)


def _bytes(kind, *, extension=0, order="<"):
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(f"{order}i2"))
    image = kind(_values(), np.diag([-0.5, -0.5, 5, 1]), header)
    if extension:
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension(4, b"<AFNI>" * extension))
    return image.to_bytes()


def _write(path, data):
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _with_offset(name, offset, data, order="<"):
    at, packed = KINDS[name][2](offset, order)
    return data[:at] + packed + data[at + len(packed) :]


def _same(volume):
    return np.array_equal(volume.hu, _values().transpose(2, 1, 0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("nifti")


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(0, 40_000), name=st.sampled_from(sorted(KINDS)),
    order=st.sampled_from("<>"), suffix=st.sampled_from([".nii", ".nii.gz"]),
)  # fmt: skip
def test_header_extensions_of_any_size_are_passed_over(folder, size, name, order, suffix):
    data = _bytes(KINDS[name][0], extension=size, order=order)
    assert _same(read(_write(folder / f"x{suffix}", data)))


def test_an_extension_in_a_form_of_its_own_is_no_fault(tmp_path):
    data = _bytes(KINDS["nifti1"][0], extension=10)
    assert _same(read(_write(tmp_path / "x.nii", data[:352] + b"\x07\0\0\0" + data[356:])))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", KINDS)
def test_no_offset_is_the_first_byte_behind_the_header(tmp_path, name, order, suffix):
    data = _with_offset(name, 0, _bytes(KINDS[name][0], order=order), order)
    volume = read(_write(tmp_path / f"x{suffix}", data))
    assert _same(volume)
    assert f"read from byte {KINDS[name][1]}" in "\n".join(volume.notes)


def test_no_offset_beside_extensions_is_refused(tmp_path):
    data = _with_offset("nifti1", 0, _bytes(KINDS["nifti1"][0], extension=9))
    with pytest.raises(RefusedScan, match="begin at byte 0, where they cannot"):
        read(_write(tmp_path / "x.nii", data))


@pytest.mark.parametrize("offset", [-1, 1, 16, 348, 351, 2**40])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", KINDS)
def test_voxels_that_would_begin_in_the_header_or_nowhere_are_refused(
    tmp_path, name, suffix, offset
):
    data = _with_offset(name, offset, _bytes(KINDS[name][0]))
    with pytest.raises(RefusedScan, match="where they cannot"):
        read(_write(tmp_path / f"x{suffix}", data))


@pytest.mark.parametrize("offset", [np.nan, np.inf, 352.5])
def test_an_offset_that_is_no_whole_number_is_refused(tmp_path, offset):
    data = _with_offset("nifti1", offset, _bytes(KINDS["nifti1"][0]))
    with pytest.raises(RefusedScan, match="where they cannot"):
        read(_write(tmp_path / "x.nii", data))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_an_offset_beyond_the_end_is_said_with_both_numbers(tmp_path, suffix):
    data = _with_offset("nifti1", 4096, _bytes(KINDS["nifti1"][0]))
    with pytest.raises(RefusedScan, match="voxels from byte 4096 on, and there are 772"):
        read(_write(tmp_path / f"x{suffix}", data))


@pytest.mark.parametrize("more", [1, 7, 100])
def test_an_offset_need_be_no_multiple_of_16(tmp_path, more):
    data = _bytes(KINDS["nifti1"][0])
    moved = _with_offset("nifti1", 352 + more, data[:352] + bytes(more) + data[352:])
    assert _same(read(_write(tmp_path / "x.nii", moved)))


def test_voxels_that_would_begin_within_the_extensions_are_refused(tmp_path):
    data = _with_offset("nifti1", 352, _bytes(KINDS["nifti1"][0], extension=100))
    with pytest.raises(RefusedScan, match="within its extensions"):
        read(_write(tmp_path / "x.nii", data))


@pytest.mark.parametrize(
    ("slope", "intercept"), [(0, 0), (np.nan, np.nan), (0, np.nan), (np.inf, 0)]
)
def test_no_slope_means_the_values_as_they_are(tmp_path, slope, intercept):
    data = _bytes(KINDS["nifti1"][0])
    data = data[:112] + np.array([slope, intercept], "<f4").tobytes() + data[120:]
    assert _same(read(_write(tmp_path / "x.nii", data)))


@pytest.mark.parametrize(("slope", "intercept"), [(1, np.nan), (1, np.inf)])
def test_a_slope_or_intercept_that_gives_no_values_is_named(tmp_path, slope, intercept):
    data = _bytes(KINDS["nifti1"][0])
    data = data[:112] + np.array([slope, intercept], "<f4").tobytes() + data[120:]
    with pytest.raises(RefusedScan, match="scl_slope"):
        read(_write(tmp_path / "x.nii", data))
