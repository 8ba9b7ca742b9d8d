import pytest
from pydicom.dataset import Dataset

from molre.ct.acquisition import acquisition


def made(**elements):
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return acquisition(ds, None, None)


@pytest.mark.parametrize(
    ("elements", "years"),
    [
        ({"PatientAge": "063Y"}, 63.0),
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": "000Y"}, None),
        ({"PatientAge": ""}, None),
        ({"PatientBirthDate": "19500101", "StudyDate": "20200101"}, 70.0),
        ({"PatientBirthDate": "2050", "StudyDate": "20200101"}, None),
        ({}, None),
    ],
)
def test_age(elements, years):
    age = made(**elements).age
    assert age == (None if years is None else pytest.approx(years, abs=0.01))


@pytest.mark.parametrize(
    ("elements", "contrast"),
    [
        ({"ContrastBolusAgent": "Iohexol"}, True),
        ({"ContrastBolusAgent": "NONE"}, False),
        ({"ContrastBolusAgent": ""}, None),
        ({"SeriesDescription": "CTA Head"}, True),
        ({"SeriesDescription": "5/5mm Plain"}, False),
        ({"SeriesDescription": "Head without contrast"}, False),
        ({"SeriesDescription": "HEAD W/WO"}, None),
        ({"SeriesDescription": "C-SPINE"}, None),
        ({"SeriesDescription": "Brain post contrast"}, True),
        ({}, None),
    ],
)
def test_contrast_is_stated_or_unknown(elements, contrast):
    assert made(**elements).contrast is contrast


def test_phantoms_of_molre_are_synthetic_and_nothing_else():
    assert made(Manufacturer="molre phantom (synthetic)").synthetic
    assert not made(Manufacturer="SIEMENS").synthetic
    assert not made().synthetic


def test_empty_text_is_unknown():
    assert made(PatientID="", SeriesDescription=" ").patient_id is None
