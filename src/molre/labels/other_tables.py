"""Long tables of other shapes, with a row per slice or without a state: refused by name."""

from __future__ import annotations

import re
from pathlib import Path

from molre.errors import MolreError
from molre.labels.findings import FindingsTable
from molre.labels.rows import Rows

_HEMORRHAGE = "any|epidural|intraparenchymal|intraventricular|subarachnoid|subdural"
_RSNA = re.compile(rf"ID_\w+_({_HEMORRHAGE})", re.I)
_LOOKED_AT = 50  # rows


def refuse_long(path: Path, header: list[str], rows: Rows, table: FindingsTable) -> None:
    """Refuse a table that has more than one row a study.

    Raises:
        MolreError: the slices of RSNA's hemorrhage challenge (ID_<slice>_<type>, Label), or a
            column whose cells are findings.
    """
    first = [row for _, row in rows[:_LOOKED_AT]]
    columns = list(zip(*first, strict=False))
    if any(all(_RSNA.fullmatch(cell) for cell in cells) for cells in columns):
        raise MolreError(
            "is the long table of the RSNA hemorrhage challenge: a row for each slice and type",
            where=path,
            fix="give it with --from rsna-ich and --scans FOLDER, or make it one row per study",
        )
    known = set(table.ids)
    for name, cells in zip(header, columns, strict=False):
        if any(cells) and all(cell in known for cell in cells):
            raise MolreError(
                f"is a long table: column {name!r} holds findings, one per row",
                where=path,
                fix="call its columns study, finding and state (present, absent, uncertain or "
                "not_mentioned), or make it one row per study, with a column for each finding",
            )
