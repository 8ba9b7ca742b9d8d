"""Which public data set a label file is of, by its header, so that a mix-up is said by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from molre.errors import MolreError
from molre.labels.columns import plain

CQ500, RSNA_ICH, CT_ICH = "cq500", "rsna-ich", "ct-ich"
NAMES = {CQ500: "CQ500", RSNA_ICH: "RSNA-ICH", CT_ICH: "CT-ICH"}
FILES = {
    CQ500: "reads.csv, with columns name, R1:ICH ... R3:MidlineShift",
    RSNA_ICH: "stage_2_train.csv, with columns ID and Label",
    CT_ICH: "hemorrhage_diagnosis_raw_ct.csv, with columns PatientNumber, SliceNumber, "
    "Intraventricular ... Fracture_Yes_No",
}
_SIGNS = {
    CQ500: ({"name", "r1ich"},),
    RSNA_ICH: ({"id", "label"},),
    CT_ICH: (
        {"patientnumber", "slicenumber", "intraventricular"},
        {"patient", "slice", "intraventricular"},
    ),
}


def check_set(header: Sequence[str], wanted: str, path: Path) -> None:
    """Refuse the header of another data set's file, or of none that is known.

    Args:
        header: of the label file.
        wanted: the data set asked for.
        path: of the file, for messages.

    Raises:
        MolreError: it is not the label file of that data set.
    """
    there = {plain(name) for name in header}
    found = [name for name, signs in _SIGNS.items() if any(sign <= there for sign in signs)]
    if wanted in found:
        return
    if found:
        raise MolreError(
            f"is the label file of {NAMES[found[0]]}, not of {NAMES[wanted]}",
            where=path,
            fix=f"give it with --from {found[0]}",
        )
    raise MolreError(
        f"is not the label file of {NAMES[wanted]} (columns: {', '.join(header[:8])})",
        where=path,
        fix=f"give {FILES[wanted]}",
    )


def check_column(header: Sequence[str], column: str, path: Path) -> int:
    """Where a column stands.

    Raises:
        MolreError: it is not there.
    """
    at = {plain(name): i for i, name in enumerate(header)}.get(plain(column))
    if at is None:
        raise MolreError(
            f"has no column {column}", where=path, fix="give the file as it was published"
        )
    return at


def zero_or_one(value: str, place: str, path: Path) -> bool:
    """A cell as a bool.

    Args:
        value: the cell.
        place: line and column, for the message.
        path: of the file, likewise.

    Raises:
        MolreError: it is neither 0 nor 1.
    """
    if value not in ("0", "1", "0.0", "1.0"):
        raise MolreError(
            f"{place}: value {value!r} is not 0 or 1",
            where=path,
            fix="give the file as it was published",
        )
    return value[0] == "1"
