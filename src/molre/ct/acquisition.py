"""Acquisition fields from a DICOM header; what is missing or unclear is None."""

from __future__ import annotations

import re
from typing import Any

from pydicom.dataset import Dataset

from molre.ct.volume import Acquisition

YEARS = {"Y": 1.0, "M": 1 / 12, "W": 1 / 52.18, "D": 1 / 365.25}
NO_AGENT = {"", "NONE", "NO", "N", "NO CONTRAST", "WITHOUT", "W/O", "NIL", "NON", "0"}
PLAIN = re.compile(
    r"W/?O\b|WITHOUT|\bNON?[ -]?CON|\bNCCT\b|\bUNENH|\bPLAIN\b|\bNATIV|\bC-|\bNC\b", re.IGNORECASE
)
ENHANCED = re.compile(
    r"\bC\+|\bCTA\b|ANGIO|\bPOST[ -]?(CON|IV|GAD)|WITH (IV )?CONTRAST|\bVENOGRAM|\bCTV\b|\bCE\b",
    re.IGNORECASE,
)


def read_acquisition(ds: Dataset) -> Acquisition:
    """What the header says about how the scan was made.

    Contrast is true if an agent is named (0018,0010) or the series description says so, false if
    the description says it is plain, else unknown.
    """
    manufacturer = _text(ds, "Manufacturer")
    return Acquisition(
        study_uid=_text(ds, "StudyInstanceUID"),
        series_uid=_text(ds, "SeriesInstanceUID"),
        patient_id=_text(ds, "PatientID"),
        accession=_text(ds, "AccessionNumber"),
        study_date=_text(ds, "StudyDate"),
        age=_age(ds),
        sex=(_text(ds, "PatientSex") or "").upper()[:1] or None,
        contrast=_contrast(ds),
        manufacturer=manufacturer,
        model=_text(ds, "ManufacturerModelName"),
        kernel=_kernel(ds),
        kvp=_number(ds.get("KVP")),
        slice_thickness=_number(ds.get("SliceThickness")),
        description=_text(ds, "SeriesDescription"),
        body_part=_text(ds, "BodyPartExamined"),
        synthetic=bool(manufacturer and manufacturer.lower().startswith("molre phantom")),
    )


def _text(ds: Dataset, keyword: str) -> str | None:
    value = ds.get(keyword)
    text = "" if value is None else str(value).strip().strip("\x00")
    return text or None


def _kernel(ds: Dataset) -> str | None:
    value = ds.get("ConvolutionKernel")
    if value is None or isinstance(value, str):
        return _text(ds, "ConvolutionKernel")
    return "\\".join(str(v) for v in value) or None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _age(ds: Dataset) -> float | None:
    """Years from Patient's Age (0010,1010), else from birth and study date."""
    match = re.fullmatch(r"0*(\d{1,3})([YMWD])", _text(ds, "PatientAge") or "")
    if match:
        return int(match[1]) * YEARS[match[2]]
    born, scanned = _text(ds, "PatientBirthDate"), _text(ds, "StudyDate")
    if born and scanned and re.fullmatch(r"\d{8}", born) and re.fullmatch(r"\d{8}", scanned):
        years = int(scanned[:4]) - int(born[:4]) - (scanned[4:] < born[4:])
        return float(years) if 0 <= years <= 120 else None
    return None


def _contrast(ds: Dataset) -> bool | None:
    agent = (_text(ds, "ContrastBolusAgent") or "").upper()
    if agent not in NO_AGENT:
        return True
    words = " ".join(
        filter(None, (_text(ds, "SeriesDescription"), _text(ds, "ProtocolName")))
    )
    if PLAIN.search(words):
        return False
    return True if ENHANCED.search(words) else None
