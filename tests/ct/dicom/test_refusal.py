"""Refusals: each names what the file is and what to give instead."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import (
    CTImageStorage,
    EncapsulatedPDFStorage,
    MRImageStorage,
    SecondaryCaptureImageStorage,
)

from molre.ct.read import read
from molre.errors import RefusedScan
from tests.helpers.ct.dicom_files import cube, enhanced, one_slice, save, set_pixels, write_series


def refused(tmp_path, **header):
    """The refusal of one slice with some elements changed (None: deleted)."""
    ds = one_slice(cube()[0])
    for keyword, value in header.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    with pytest.raises(RefusedScan) as error:
        read(save(ds, tmp_path / "one.dcm"))
    assert error.value.fix
    assert "one.dcm" in str(error.value)
    return error.value.what


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ({"SOPClassUID": MRImageStorage, "Modality": "MR"}, "MR"),
        ({"SOPClassUID": MRImageStorage}, "MR"),
        ({"Modality": "PT"}, "PT"),
        ({"SOPClassUID": EncapsulatedPDFStorage}, "PDF"),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, "secondary capture"),
        ({"SOPClassUID": "1.2.3.4.5"}, "CT"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"ImageType": ["DERIVED", "PRIMARY", "PERFUSION", "RCBF"]}, "map"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "projection"),
        *(
            ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL", kind]}, "projection")
            for kind in ("CSA MIP", "MIP_THICK", "MINIMUM IP", "MAXIMUM INTENSITY", "CSA VRT")
        ),
        ({"ImageType": ["DERIVED", "SECONDARY"], "SeriesDescription": "AX MIP 10mm"}, "projection"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "color"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "color"),
        ({"RescaleType": "OD"}, "OD"),
        ({"PixelSpacing": None}, "spacing"),
        ({"PixelSpacing": [0, 0]}, "spacing"),
        ({"ImagePositionPatient": None}, "position"),
        ({"ImageOrientationPatient": None}, "orientation"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "perpendicular"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "coronal"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "sagittal"),
        ({"Rows": 60000, "Columns": 60000}, "60000"),
        ({"NumberOfFrames": 5}, "frames"),
        ({"PixelData": None}, "pixel"),
    ],
)
def test_reason_is_named(tmp_path, header, word):
    assert word in refused(tmp_path, **header)


@pytest.mark.parametrize(
    "header",
    [
        *({"RescaleType": words} for words in (
            "HU", "hu ", "H.U.", "HU (org)", "Hounsfield Unit", "Hounsfield Units (HU)",
            "CT number", "US", "UNSPECIFIED", "HU_MOD",
        )),
        {"SeriesDescription": "HEAD W MIPS"},
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "SHIPMIPPED"]},
    ],
)  # fmt: skip
def test_what_says_hounsfield_units_in_other_words_is_read(tmp_path, header):
    ds = one_slice(cube()[0])
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    np.testing.assert_array_equal(read(save(ds, tmp_path / "one.dcm")).hu[0], cube()[0])


def test_gantry_tilt_of_thirty_degrees_is_still_axial(tmp_path):
    write_series(tmp_path, tilt=29.5)
    assert len(read(tmp_path)) == 5


def test_missing_modality_is_no_reason(tmp_path):
    ds = one_slice(cube()[0])
    del ds.Modality
    assert ds.SOPClassUID == CTImageStorage
    assert len(read(save(ds, tmp_path / "one.dcm"))) == 1


def test_enhanced_map_is_refused(tmp_path):
    ds = enhanced(cube())
    shared = ds.SharedFunctionalGroupsSequence[0]
    shared.CTImageFrameTypeSequence[0].FrameType = ["DERIVED", "PRIMARY", "PERFUSION", "RCBF"]
    with pytest.raises(RefusedScan, match="map"):
        read(save(ds, tmp_path / "one.dcm"))


def test_multi_frame_without_positions_is_refused(tmp_path):
    ds = enhanced(cube())
    del ds.PerFrameFunctionalGroupsSequence
    with pytest.raises(RefusedScan):
        read(save(ds, tmp_path / "one.dcm"))


def test_dose_page_says_secondary_capture_though_its_modality_is_ct(tmp_path):
    import numpy as np

    ds = one_slice(cube()[0])
    ds.SOPClassUID = SecondaryCaptureImageStorage
    set_pixels(ds, np.zeros((12, 10), np.uint16))
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(ds, keyword)
    with pytest.raises(RefusedScan, match="secondary capture"):
        read(save(ds, tmp_path / "one.dcm"))
