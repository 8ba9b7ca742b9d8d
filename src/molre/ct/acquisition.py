"""Acquisition fields of a DICOM header: who, when, how; unknown stays unknown."""

from __future__ import annotations

import re
from datetime import datetime

from pydicom.dataset import Dataset

from molre.ct.elements import number, text, value
from molre.ct.volume import Acquisition

SYNTHETIC_MANUFACTURER = "molre phantom"

_PLAIN = re.compile(
    r"without|w/o|\bwo\b|non[- ]?contrast|unenhanced|\bplain\b|\bnative?\b|\bnativ\b|\bNCCT\b"
    r"|\bC-(?!\w)",
    re.I,
)
_CONTRAST = re.compile(
    r"\bCTA\b|angio|perfusion|post[- ]?contrast|with contrast|\bC\+|\bvenogra", re.I
)
_BOTH = re.compile(r"\bw/?\s?wo\b|\bw/?\s?(and|&|\+)\s?w/?o\b|with (and|&|or) without", re.I)
_NO_AGENT = {"", "NONE", "NO", "N", "0", "NO CONTRAST", "WITHOUT", "-"}
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


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
    description = text(dataset, "SeriesDescription")
    return Acquisition(
        study_uid=text(dataset, "StudyInstanceUID"),
        series_uid=text(dataset, "SeriesInstanceUID"),
        patient_id=text(dataset, "PatientID"),
        accession=text(dataset, "AccessionNumber"),
        study_date=text(dataset, "StudyDate"),
        age=_age(dataset),
        sex=text(dataset, "PatientSex"),
        contrast=_contrast(dataset, description),
        manufacturer=manufacturer,
        model=text(dataset, "ManufacturerModelName"),
        kernel=kernel,
        kvp=number(dataset, "KVP") if kvp is None else kvp,
        slice_thickness=thickness,
        description=description,
        body_part=text(dataset, "BodyPartExamined"),
        synthetic=(manufacturer or "").lower().startswith(SYNTHETIC_MANUFACTURER),
    )


def _age(dataset: Dataset) -> float | None:
    stated = re.fullmatch(r"(\d{1,3})([DWMY])", text(dataset, "PatientAge") or "")
    if stated:
        years = int(stated[1]) * _YEARS[stated[2]]
        return round(years, 2) if years > 0 else None  # "000Y" is what de-identifiers write
    try:
        born = datetime.strptime(text(dataset, "PatientBirthDate") or "", "%Y%m%d")
        seen = datetime.strptime(text(dataset, "StudyDate") or "", "%Y%m%d")
    except ValueError:
        return None
    years = (seen - born).days / 365.25
    return round(years, 2) if 0 <= years < 130 else None


def _contrast(dataset: Dataset, description: str | None) -> bool | None:
    agent = (text(dataset, "ContrastBolusAgent") or "").upper()
    if agent not in _NO_AGENT or value(dataset, "ContrastBolusAgentSequence"):
        return True
    words = f"{description or ''} {text(dataset, 'ProtocolName') or ''}"
    if _BOTH.search(words):
        return None  # the name of the protocol, for the series before and the one after
    if _PLAIN.search(words):
        return False
    if _CONTRAST.search(words):
        return True
    return False if agent else None
