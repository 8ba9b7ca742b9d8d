"""A constant border and blank slices are air, whatever value they have; tissue is not."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.ct.checks.blank import blank_slices
from molre.ct.checks.border import constant_border
from molre.ct.read import read
from tests.helpers.ct.sampled_volumes import head, sampled
from tests.helpers.traps.scan import Scan, store

_VOLUME = sampled(head(), np.linspace(-75, 75, 16), pixel_mm=4.0, noise=3.0)
HEAD = Scan(_VOLUME.hu, _VOLUME.origins, _VOLUME.orientation, (4.0, 4.0))


def _outside(hu: np.ndarray, radius: float = 28.0) -> np.ndarray:
    rows, columns = hu.shape[1:]
    y, x = np.ogrid[:rows, :columns]
    return np.hypot(y - (rows - 1) / 2, x - (columns - 1) / 2) > radius


@given(st.one_of(st.integers(-899, 3071), st.sampled_from([0, -500, 3071])))
def test_the_border_is_what_is_connected_to_the_corners(value):
    outside = _outside(HEAD.hu)
    found = constant_border(np.where(outside, value, HEAD.hu))
    assert found
    assert found[0] == value
    grown = found[1].sum() - 16 * outside.sum()
    assert (found[1] | ~outside).all()
    assert grown <= 0.01 * HEAD.hu.size  # pixels beside it that have the value by chance


@pytest.mark.parametrize("value", [-1000, -1024, -2000])
def test_air_and_what_is_darker_is_no_border(value):
    assert constant_border(np.where(_outside(HEAD.hu), value, HEAD.hu)) is None


def test_a_field_of_view_full_of_tissue_has_none():
    assert constant_border(HEAD.hu[4:12, 20:40, 20:40]) is None


@pytest.mark.parametrize("value", [0, -500, 900])
def test_dicom_and_nifti_are_read_alike(tmp_path, value):
    outside = _outside(HEAD.hu)
    store(tmp_path / "dicom", replace(HEAD, hu=np.where(outside, value, HEAD.hu)))
    padded = np.where(outside, value, HEAD.hu).astype(np.int16).transpose(2, 1, 0)
    affine = np.diag([-4.0, -4.0, 10.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(padded, affine), tmp_path / "scan.nii")
    for path in (tmp_path / "dicom", tmp_path / "scan.nii"):
        volume = read(path)
        assert (volume.hu[:, outside] <= -1000).all()
        np.testing.assert_array_equal(volume.hu[:, ~outside], HEAD.hu[:, ~outside])
        assert any("border" in note for note in volume.notes)


def test_blank_slices_between_others_are_named_and_those_at_the_ends_are_air():
    hu = HEAD.hu.copy()
    hu[7:9], hu[15], hu[0] = 0, -1024, -1000
    assert blank_slices(hu) == [
        "slice 8 of 16 and 1 more are blank (one value in all pixels): read as air"
    ]
    assert (hu[7:9] <= -1000).all()


@pytest.mark.parametrize("part", [np.s_[30:], np.s_[:25]])
def test_rows_that_were_lost_are_named(part):
    hu = HEAD.hu.copy()
    hu[8][part] = -1024
    assert blank_slices(hu) == ["slice 9 of 16 is partly blank (rows of one value)"]


def test_a_whole_head_has_neither():
    hu = HEAD.hu.copy()
    assert blank_slices(hu) == []
    np.testing.assert_array_equal(hu, HEAD.hu)
