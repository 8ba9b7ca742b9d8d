"""CT-ICH (PhysioNet): a row for each slice, by two radiologists in consensus.

``hemorrhage_diagnosis_raw_ct.csv`` has columns PatientNumber, SliceNumber, Intraventricular,
Intraparenchymal, Subarachnoid, Epidural, Subdural, No_Hemorrhage, Fracture_Yes_No, and belongs to
``ct_scans/049.nii`` and so on. A table with columns patient, slice, intraventricular ...
any_hemorrhage, fracture belongs to slices as windowed pictures in folders ``p049``.

Source: Hssayeni et al., Data 5 (2020) 14, doi 10.3390/data5010014.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from molre.errors import MolreError
from molre.labels.columns import plain
from molre.labels.datasets.labels_of_set import LabelsOfSet
from molre.labels.datasets.recognize import CT_ICH, check_column, check_set, zero_or_one
from molre.labels.datasets.slices import of_study
from molre.labels.rows import Rows, read_rows

TYPES = {
    "intraventricular": "intraventricular_hemorrhage",
    "intraparenchymal": "intraparenchymal_hemorrhage",
    "subarachnoid": "subarachnoid_hemorrhage",
    "epidural": "epidural_hemorrhage",
    "subdural": "subdural_hemorrhage",
}
ANY, FRACTURE = "intracranial_hemorrhage", "skull_fracture"
LABELLER = "CT-ICH consensus of 2 radiologists, slices to study"
NAMED = "study"
_FOREIGN = "fills_gap_in_ct_ich_slices"  # rows of patients whose other slices lie elsewhere
Slices = dict[int, dict[str, bool]]


def read_ct_ich(path: Path) -> LabelsOfSet:
    """Labels of each scan: any slice that shows a finding makes it present.

    Slices are numbered from 1. Where a number is missing below the last one, a finding that no
    slice shows is uncertain.

    Args:
        path: the table of slices.

    Raises:
        MolreError: it cannot be read, is another data set's, lacks a column, has a slice twice, a
            cell is neither 0 nor 1, or a slice has a type of hemorrhage and none.
    """
    header, rows = read_rows(path)
    check_set(header, CT_ICH, path)
    pictures = "patientnumber" not in map(plain, header)
    notes = []
    if _FOREIGN in header:
        at = header.index(_FOREIGN)
        kept = [(line, row) for line, row in rows if row[at] != "1"]
        if left := len(rows) - len(kept):
            notes = [f"left out slices of patients whose other slices lie elsewhere ({left})"]
        rows = kept
    scans = _slices(header, rows, pictures, path)
    missing = {scan: max(slices) - len(slices) for scan, slices in scans.items()}
    gaps = [scan for scan, n in missing.items() if n]
    if gaps:
        lack = "1 scan lacks" if len(gaps) == 1 else f"{len(gaps)} scans lack"
        notes.append(f"{lack} slices below the last one: what no other slice shows is uncertain")
    found = []
    for scan, slices in scans.items():
        name = f"p{scan:03d}" if pictures else f"{scan:03d}.nii"
        for finding in (ANY, *TYPES.values(), FRACTURE):
            positive = sum(labels[finding] for labels in slices.values())
            negative, total = len(slices) - positive, max(slices)
            found.append((name, finding, *of_study(positive, negative, total)))
    return LabelsOfSet.of(found, NAMED, "CT-ICH", LABELLER, notes)


def _slices(header: list[str], rows: Rows, pictures: bool, path: Path) -> dict[int, Slices]:
    scan_at = check_column(header, "patient" if pictures else "PatientNumber", path)
    slice_at = check_column(header, "slice" if pictures else "SliceNumber", path)
    columns = {finding: check_column(header, own, path) for own, finding in TYPES.items()}
    columns[ANY] = check_column(header, "any_hemorrhage" if pictures else "No_Hemorrhage", path)
    columns[FRACTURE] = check_column(header, "fracture" if pictures else "Fracture_Yes_No", path)
    scans: dict[int, Slices] = defaultdict(dict)
    for line, row in rows:
        scan = _number(row[scan_at], f"line {line}, column {header[scan_at]}", path)
        number = _number(row[slice_at], f"line {line}, column {header[slice_at]}", path)
        labels = {
            finding: zero_or_one(row[at], f"line {line}, column {header[at]}", path)
            for finding, at in columns.items()
        }
        if not pictures:
            labels[ANY] = not labels[ANY]  # the column says that there is none
        if labels[ANY] != any(labels[finding] for finding in TYPES.values()):
            raise MolreError(
                f"line {line}: {header[columns[ANY]]} contradicts the types of hemorrhage",
                where=path,
                fix="give the file as it was published, or correct the line",
            )
        if number in scans[scan]:
            raise MolreError(
                f"slice {number} of patient {scan} is there twice, the second time on line {line}",
                where=path,
                fix="keep one",
            )
        scans[scan][number] = labels
    return dict(scans)


def _number(cell: str, place: str, path: Path) -> int:
    digits = cell.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and int(digits) > 0):
        raise MolreError(
            f"{place}: {cell!r} is not a number above 0",
            where=path,
            fix="give the file as it was published",
        )
    return int(digits)
