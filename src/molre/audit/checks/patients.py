"""Whose scans they are: patients of scans.parquet against the Patient IDs of the headers.

Everything that counts patients (splits, intervals, the endpoint) rests on the patient column, which
nothing else in a cohort gives again. A Patient ID has several spellings, a pseudonym one, so it is
compared who shares them: two studies are of one patient in the table where they are in the headers.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from molre.audit.check import DATA, FLAG, PASS, SHOWN, Check, NotAvailableError
from molre.audit.run_under_audit import RunUnderAudit
from molre.audit.scans import originals
from molre.ct.patients import same

NAME = "patients as the headers of the scans tell them apart"
MOST = 2000  # headers, a millisecond each
_SEED = 0


def whose(opened: RunUnderAudit) -> Iterator[Check]:
    """Flag studies that share a Patient ID and not a patient, or a patient and not the ID.

    A hospital may have given one ID twice, and a name list may join two: a person has to look.
    """
    rows = list(opened.cohort.chosen().select("study", "patient", "files").iter_rows(named=True))
    random.Random(_SEED).shuffle(rows)
    kept = [row for row in rows[:MOST] if row["files"]]
    here = [row for row in kept if originals(row)]
    if kept and not here:
        raise NotAvailableError("the files of the scans are not available")
    read = [(row, name) for row in here if (name := _patient_id(row))]
    if not read:
        return  # NIfTI, or headers that name nobody
    found = [
        f"{studies} share {what}"
        for what, key, other in (
            ("a Patient ID, and are of several patients", 1, 0),
            ("a patient, and have several Patient IDs", 0, 1),
        )
        for studies in _apart(read, key, other)
    ]
    if not found:
        yield Check(DATA, NAME, PASS, f"{len(read):,} of {len(rows):,} studies")
        return
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    yield Check(DATA, NAME, FLAG, "; ".join(found[:SHOWN]) + more)


def _apart(read: list[tuple[dict[str, Any], str]], key: int, other: int) -> Iterator[str]:
    """Studies that agree in one of (patient, Patient ID) and differ in the other."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for row, name in read:
        pair = (str(row["patient"]), name)
        groups[pair[key]].setdefault(pair[other], str(row["study"]))
    for members in groups.values():
        if len(members) > 1:
            yield " and ".join(sorted(members.values())[:2])


def _patient_id(row: dict[str, Any]) -> str:
    """The ID in a scan's first file, all spellings alike; empty where there is none to read."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(
            row["files"][0], stop_before_pixels=True, specific_tags=["PatientID"]
        )
    except (InvalidDicomError, OSError, ValueError):
        return ""
    return same(str(header.get("PatientID") or ""))
