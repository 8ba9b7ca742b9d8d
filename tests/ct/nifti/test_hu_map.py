"""Cormack units back to HU, against the published way there."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from molre.ct.files.entries import Entries
from molre.ct.nifti.hu_map import HuMap
from molre.ct.nifti.nifti import read_nifti, read_nifti_header
from molre.errors import MolreError, RefusedScan
from tests.helpers.ct.sampled_volumes import head, sampled

HU = np.arange(-1000, 3000, dtype=np.float32)


def toolbox(hu, darkest=-1024):
    """As clinical_h2c of the Clinical toolbox for SPM does, written out branch by branch."""
    values = []
    for value in hu.ravel() - darkest:
        extra = min(value - 900, 200)
        values.append(value + extra * 10 if extra > 0 else value)
    return np.array(values, np.float32).reshape(hu.shape)


def h2c(hu):
    """As the Python scripts of the same authors do."""
    moved = np.maximum(hu, -1000) + 1000
    return moved + 9 * np.clip(moved - 900, 0, 200)


@pytest.fixture(scope="module")
def scan():
    return sampled(head(), np.arange(-75, 80, 5.0), pixel_mm=4.0)


def _read(path, hu_map=None):
    with Entries() as entries:
        read_nifti_header(str(path), entries, hu_map)
        return read_nifti(str(path), entries, hu_map)


def _save(path, values, dtype=np.float32):
    nibabel.save(nibabel.Nifti1Image(values.T.astype(dtype), np.diag([-4.0, -4, 5, 1])), path)
    return path


@pytest.mark.parametrize(("name", "forward"), [("cormack", toolbox), ("h2c", h2c)])
def test_the_way_back_undoes_the_way_there(name, forward):
    np.testing.assert_allclose(HuMap.parse(name).to_hu(forward(HU)), HU, atol=1e-3)


def test_scale_and_intercept():
    assert HuMap.parse("0.5:-1000").to_hu(np.array([2000.0, 2080.0])).tolist() == [0.0, 40.0]
    assert np.isnan(HuMap.parse("cormack").to_hu(np.array([np.nan]))).all()


@pytest.mark.parametrize("text", ["", "cormak", "1", "1:2:3", "nan:0", "0:-1024", "1:inf", "a:b"])
def test_anything_else_is_no_map(text):
    with pytest.raises(MolreError, match="not a map to HU"):
        HuMap.parse(text)


@pytest.mark.parametrize(
    ("name", "forward"),
    [
        ("cormack", toolbox),
        ("h2c", h2c),
        ("1:-1024", lambda hu: hu + 1024.0),
        ("0.25:-1000", lambda hu: (hu + 1000.0) * 4),
    ],
)
def test_a_scan_in_other_units_is_refused_and_read_with_its_map(tmp_path, scan, name, forward):
    path = _save(tmp_path / "x.nii.gz", forward(np.maximum(scan.hu.astype(np.float32), -1000)))
    with pytest.raises(RefusedScan, match="not in HU") as refused:
        _read(path)
    if name != "0.25:-1000":  # nobody can guess that
        assert f"--hu-map {name}" in (refused.value.fix or "")
    volume = _read(path, HuMap.parse(name))
    assert np.abs(volume.hu.astype(int) - np.maximum(scan.hu, -1000))[scan.hu > -900].max() <= 1
    assert any("mapped to HU" in note for note in volume.notes)


@pytest.mark.parametrize(("name", "forward"), [("h2c", toolbox), ("cormack", h2c)])
def test_the_other_form_of_cormack_units_is_refused(tmp_path, scan, name, forward):
    path = _save(tmp_path / "x.nii", forward(scan.hu.astype(np.float32)))
    other = {"h2c": "cormack", "cormack": "h2c"}[name]
    with pytest.raises(RefusedScan, match="where brain is near 35") as refused:
        _read(path, HuMap.parse(name))
    assert other in (refused.value.fix or "")


def test_a_scan_in_hu_is_refused_under_a_map(tmp_path, scan):
    path = _save(tmp_path / "x.nii", scan.hu)
    for name in ("cormack", "h2c", "1:-1024", "2:500"):
        with pytest.raises(RefusedScan):
            _read(path, HuMap.parse(name))


def test_eight_bits_under_a_map(tmp_path, scan):
    window = np.clip((scan.hu.astype(float) + 1000) / 16, 0, 255)
    path = _save(tmp_path / "x.nii", np.rint(window), np.uint8)
    volume = _read(path, HuMap.parse("16:-1000"))
    inside = (scan.hu > -900) & (scan.hu < 3000)
    assert np.abs(volume.hu.astype(int) - scan.hu)[inside].max() <= 8
