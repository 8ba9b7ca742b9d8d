"""Hierarchy closure: a present child makes its ancestors present, an absent parent its descendants
absent; nothing else follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from molre.errors import MolreError
from molre.labels.findings import FindingsTable

PRESENT, ABSENT, UNKNOWN = 1, 0, -1


def close(
    states: np.ndarray,
    table: FindingsTable,
    studies: list[str] | None = None,
    where: str | Path | None = None,
) -> np.ndarray:
    """Close label states under the hierarchy.

    Args:
        states: int8 (N, K) of 1 present, 0 absent, -1 unknown, in the table's order.
        table: K findings.
        studies: names of the N rows, for messages.
        where: they are from, likewise.

    Returns:
        int8 (N, K), a new array.

    Raises:
        MolreError: a study with a present finding whose ancestor is stated absent.
    """
    closed = states.astype(np.int8, copy=True)
    column = {f: k for k, f in enumerate(table.ids)}
    for k, finding in enumerate(table.ids):
        for ancestor in table.ancestors(finding):
            a = column[ancestor]
            conflict = np.flatnonzero((states[:, k] == PRESENT) & (states[:, a] == ABSENT))
            if conflict.size:
                row = int(conflict[0])
                study = f"study {studies[row]}" if studies else f"row {row + 1}"
                raise MolreError(
                    f"{study}: {finding} is 1 but the broader {ancestor} is 0",
                    where=where,
                    fix="correct one of the two",
                )
            closed[states[:, k] == PRESENT, a] = PRESENT
            closed[states[:, a] == ABSENT, k] = ABSENT
    return closed
