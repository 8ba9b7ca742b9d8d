from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from molre.ct.dicom.acquisition import acquisition
from molre.ct.listing import list_studies
from molre.ct.read import read_series
from molre.ct.survey import survey
from tests.helpers.ct.dicom_files import write_series


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
        ({"PatientAge": "000Y", "PatientBirthDate": "20200101", "StudyDate": "20200401"}, 0.25),
        ({"PatientBirthDate": "20100101", "ContentDate": "20200101"}, 10.0),
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
        ({"SeriesDescription": "CT HEAD WITHOUT AND WITH CONTRAST"}, None),
        ({"ContrastBolusAgent": "N/A"}, False),
        ({"ContrastBolusAgent": "UNKNOWN"}, None),
        # the words nearest to the series decide
        ({"StudyDescription": "CT HEAD W CONTRAST"}, True),
        ({"StudyDescription": "CT HEAD W CONTRAST", "SeriesDescription": "Head 5.0 H31s"}, True),
        ({"StudyDescription": "CT HEAD W CONTRAST", "SeriesDescription": "C-"}, False),
        ({"RequestedProcedureDescription": "CT HEAD WO CONTRAST"}, False),
        ({"StudyDescription": "CT HEAD W/WO", "SeriesDescription": "POST CONTRAST"}, True),
        ({"StudyDescription": "CT HEAD W/WO", "SeriesDescription": "PLAIN"}, False),
        ({"StudyDescription": "CT HEAD W/WO", "SeriesDescription": "5mm"}, None),
        ({"StudyDescription": "CTA HEAD", "SeriesDescription": "5mm"}, None),
        ({"ProtocolName": "CTA HEAD", "SeriesDescription": "5mm"}, True),
        ({"ProtocolName": "CTA HEAD", "SeriesDescription": "plain"}, False),
        # an agent and the words contradict each other
        ({"ContrastBolusAgent": "Iohexol", "SeriesDescription": "plain"}, True),
        ({"ContrastBolusAgent": "NONE", "SeriesDescription": "C+"}, True),
        ({"ContrastBolusAgent": "NONE", "StudyDescription": "CT HEAD W CONTRAST"}, None),
        ({"ContrastBolusAgent": "UNKNOWN", "SeriesDescription": "C+"}, True),
        ({"ContrastBolusVolume": "100"}, True),
        ({"ContrastBolusVolume": "0"}, None),
        ({"ContrastBolusTotalDose": "30"}, True),
        ({"ContrastFlowRate": "4.0"}, True),
        ({"ContrastBolusAgent": "NONE", "ContrastBolusVolume": "100"}, False),
    ],
)
def test_contrast_is_stated_or_unknown(elements, contrast):
    assert made(**elements).contrast is contrast


def coded(meaning):
    item = Dataset()
    item.CodeMeaning = meaning
    return Sequence([item])


def test_codes_are_read_by_their_meaning():
    assert made(ContrastBolusAgentSequence=coded("Iohexol")).contrast is True
    assert made(ContrastBolusAgentSequence=coded("None")).contrast is False
    assert made(ContrastBolusAgentSequence=Sequence([Dataset()])).contrast is True
    assert made(ProcedureCodeSequence=coded("CT head W contrast IV")).contrast is True
    assert made(ProcedureCodeSequence=coded("CT Head WO and W contrast IV")).contrast is None


@pytest.mark.parametrize(("stated", "contrast"), [("YES", True), ("NO", False)])
@pytest.mark.parametrize("where", ["Shared", "PerFrame"])
def test_frames_say_whether_the_agent_was_in_them(stated, contrast, where):
    """Of an Enhanced CT the agent of the study is named before it is given, too."""
    usage, groups = Dataset(), Dataset()
    usage.ContrastBolusAgentAdministered = stated
    groups.ContrastBolusUsageSequence = Sequence([usage])
    found = made(
        **{f"{where}FunctionalGroupsSequence": Sequence([groups])},
        ContrastBolusAgentSequence=coded("Iohexol"),
    )
    assert found.contrast is contrast


@pytest.mark.parametrize(
    "elements",
    [{"ContrastBolusRoute": "IV"}, {"ContrastBolusStartTime": "101500"},
     {"ContrastBolusIngredient": "IODINE"}],
)  # fmt: skip
def test_a_bolus_without_an_agent_is_noted(elements):
    """A protocol may state its route where nothing was given, so it is no evidence either way."""
    assert made(**elements).contrast is None
    assert made(**elements).doubts == ("contrast is unknown, according to the header",)
    assert made(**elements, SeriesDescription="plain").contrast is False


@pytest.mark.parametrize(
    ("code", "contrast"), [("70450", False), ("70460", True), ("70470", None), ("70496", None)]
)
def test_a_code_without_a_meaning_is_read_where_it_is_known(code, contrast):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code, "C4"
    assert made(ProcedureCodeSequence=Sequence([item])).contrast is contrast


def test_what_the_header_leaves_open_is_noted():
    assert made(SeriesDescription="HEAD W/WO").doubts
    assert made(ContrastBolusAgent="Iohexol", SeriesDescription="plain").doubts
    assert made(PatientAge="052Y", PatientBirthDate="20000101", StudyDate="20061219").doubts
    assert made(ContrastBolusAgent="Iohexol", PatientAge="052Y").doubts == ()
    assert made().doubts == ()


def test_phantoms_of_molre_are_synthetic_and_nothing_else():
    assert made(Manufacturer="molre phantom (synthetic)").synthetic
    assert not made(Manufacturer="SIEMENS").synthetic
    assert not made().synthetic


def test_empty_text_is_unknown():
    assert made(PatientID="", SeriesDescription=" ").patient_id is None


def test_what_is_printed_of_a_header_does_not_tell_whose_it_is(tmp_path: Path):
    secret = {
        "PatientID": "SECRET1", "PatientName": "SECRET^TWO", "PatientBirthDate": "19230417",
        "AccessionNumber": "SECRET3", "StudyDate": "20191224", "StudyInstanceUID": "1.2.4711",
        "SeriesInstanceUID": "1.2.4711.1", "SeriesDescription": "HEAD SECRET4",
    }  # fmt: skip
    write_series(tmp_path, **secret)
    made = read_series([str(path) for path in sorted(tmp_path.iterdir())]).acquisition
    studies = list_studies(tmp_path).studies
    shown = f"{made!r} {made} {survey(tmp_path)!r} {studies!r}"
    assert made.patient_id == "SECRET1"
    assert [word for word in ("SECRET", "4711", "1923", "2019") if word in shown] == []
