"""Acquisition fields of a DICOM header: who, when, how; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from molre.ct.dicom.age import age_of
from molre.ct.dicom.contrast import Said, decided, nearest, of_agent, of_description
from molre.ct.dicom.elements import number, text, value
from molre.ct.patients import stated_uid
from molre.ct.persons import person
from molre.ct.volume import Acquisition

SYNTHETIC_MANUFACTURER = "molre phantom"

_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_OF_PROTOCOL = ("ProtocolName", "AcquisitionProtocolDescription")
_OF_STUDY = (
    "StudyDescription",
    "RequestedProcedureDescription",
    "PerformedProcedureStepDescription",
)
_CODES = ("ProcedureCodeSequence", "RequestedProcedureCodeSequence")
_AMOUNTS = ("ContrastBolusVolume", "ContrastBolusTotalDose", "ContrastFlowRate")
# beside no agent, that of a protocol perhaps
_SIGNS = ("ContrastBolusRoute", "ContrastBolusStartTime", "ContrastBolusIngredient")
_CPT = {
    "70450": "without contrast", "70460": "with contrast", "70470": "without and with contrast",
    "70496": "CTA",
}  # fmt: skip
# what `acquisition` reads at the top of a header
KEYWORDS = (
    "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "AccessionNumber", "PatientAge",
    "PatientName", "PatientBirthDate", "PatientSex", "Manufacturer", "ManufacturerModelName",
    "SeriesDescription", "BodyPartExamined", "KVP",
    "ContrastBolusAgent", "ContrastBolusAgentSequence", *_AMOUNTS, *_SIGNS,
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    *_DATES, *_OF_PROTOCOL, *_OF_STUDY, *_CODES,
)  # fmt: skip


def acquisition(
    dataset: Dataset,
    thickness: float | None,
    kernel: str | None,
    kvp: float | None = None,
) -> Acquisition:
    """Collect the acquisition fields of one file.

    Args:
        dataset: the header.
        thickness: slice thickness, mm, found by the caller (it may sit in a functional group).
        kernel: convolution kernel, found by the caller.
        kvp: kV, where the caller found it; else the one at the top level.
    """
    manufacturer = text(dataset, "Manufacturer")
    agent = _agent(dataset)
    contrast, about_contrast = decided(agent, _words(dataset, agent))
    dates = (text(dataset, keyword) for keyword in _DATES)
    birth, sex = text(dataset, "PatientBirthDate"), text(dataset, "PatientSex")
    age, about_age = age_of(text(dataset, "PatientAge"), birth, dates)
    return Acquisition(
        study_uid=stated_uid(text(dataset, "StudyInstanceUID")),
        series_uid=stated_uid(text(dataset, "SeriesInstanceUID")),
        patient_id=text(dataset, "PatientID"),
        accession=text(dataset, "AccessionNumber"),
        study_date=text(dataset, "StudyDate"),
        age=age,
        sex=sex,
        contrast=contrast,
        manufacturer=manufacturer,
        model=text(dataset, "ManufacturerModelName"),
        kernel=kernel,
        kvp=number(dataset, "KVP") if kvp is None else kvp,
        slice_thickness=thickness,
        description=text(dataset, "SeriesDescription"),
        body_part=text(dataset, "BodyPartExamined"),
        who=person(text(dataset, "PatientName"), birth, sex),
        synthetic=(manufacturer or "").lower().startswith(SYNTHETIC_MANUFACTURER),
        doubts=tuple(words for words in (about_contrast, about_age) if words),
    )


def _agent(dataset: Dataset) -> Said:
    """What the elements of the bolus say: its use in the frames, its agent, its volume."""
    used = _administered(dataset)
    if used is not Said.NOTHING:
        return used
    said = [of_agent(text(dataset, "ContrastBolusAgent"))]
    said += [of_agent(name) for name in _meanings(dataset, "ContrastBolusAgentSequence")]
    for one in (Said.GIVEN, Said.BOTH, Said.PLAIN):
        if one in said:
            return one
    if any((number(dataset, keyword) or 0) > 0 for keyword in _AMOUNTS):
        return Said.GIVEN
    hinted = any(of_agent(text(dataset, keyword)) is Said.GIVEN for keyword in _SIGNS)
    return Said.UNKNOWN if hinted or Said.UNKNOWN in said else Said.NOTHING


def _administered(dataset: Dataset) -> Said:
    """Contrast/Bolus Agent Administered (0018,9342) of the first frame of an Enhanced CT."""
    said = set()
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for item in _items(dataset, groups)[:1]:
            for usage in _items(item, "ContrastBolusUsageSequence"):
                said.add((text(usage, "ContrastBolusAgentAdministered") or "").upper())
    if "YES" in said:
        return Said.GIVEN
    return Said.PLAIN if "NO" in said else Said.NOTHING


def _words(dataset: Dataset, agent: Said) -> Said:
    """What the descriptions say, the one nearest to the series first."""
    series = [of_description(text(dataset, "SeriesDescription"))]
    protocol = [of_description(text(dataset, keyword)) for keyword in _OF_PROTOCOL]
    said = nearest((series, protocol))
    if said is not Said.NOTHING:
        return said
    names = [text(dataset, keyword) for keyword in _OF_STUDY]
    names += [name for sequence in _CODES for name in _meanings(dataset, sequence)]
    study = nearest([[of_description(name, whole_study=True) for name in names]])
    # of a study with contrast, one series may be from before the injection
    return Said.BOTH if study is Said.GIVEN and agent is Said.PLAIN else study


def _meanings(dataset: Dataset, sequence: str) -> Iterator[str]:
    """Code Meaning (0008,0104) of the items; an item without one has a name all the same."""
    for item in _items(dataset, sequence):
        by_code = _CPT.get(text(item, "CodeValue") or "", "unnamed")
        yield text(item, "CodeMeaning") or by_code


def _items(dataset: Dataset, sequence: str) -> list[Dataset]:
    found = value(dataset, sequence)
    return [item for item in found if isinstance(item, Dataset)] if found else []
