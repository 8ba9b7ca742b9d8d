"""Who is in which split: assigned by a hash, or by what somebody knew about the patients?

``molre split`` goes through the patients in the order of a salted hash and gives each to the split
that is furthest below its share. The shares are kept nowhere, but a split that was made so is one
for *some* shares: each step says that one split was at least as far below as any other, which is a
linear inequality in them. Patients who changed places afterwards leave steps that no shares allow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from molre.audit.check import FLAG, LEAKAGE, PASS, Check, NotAvailableError
from molre.audit.run_under_audit import RunUnderAudit
from molre.cohort.cohort import SPLITS
from molre.cohort.keys import fraction
from molre.errors import MolreError

NAME = "splits as `molre split` assigns them"
_EDGE = 1e-6  # of a patient


def dealt(opened: RunUnderAudit) -> Iterator[Check]:
    """Whether splits.csv can be what ``molre split`` dealt, all at once."""
    cohort = opened.cohort
    above = cohort.path.resolve().parent
    if above.name == "cohorts" and (above.parent / "cells").is_dir():
        return  # a benchmark's smaller cohort: the benchmark's audit draws it again
    try:
        salt = cohort.salt
    except MolreError as error:
        raise NotAvailableError(f"the cohort {error.what}") from None
    table = cohort.splits()
    rows = sorted(table.iter_rows(), key=lambda row: fraction(salt, row[0]))
    if possible([split for _, split in rows]):
        yield Check(LEAKAGE, NAME, PASS, f"{len(rows):,} patients in the order of a salted hash")
        return
    sizes = dict(table.group_by("split").agg(pl.len()).iter_rows())
    told = ", ".join(f"{name} {sizes.get(name, 0)}" for name in SPLITS)
    why = (
        f"no shares give these splits ({told}): they were made in another way, the cohort grew "
        "after it was split, or patients were moved to another split afterwards"
    )
    yield Check(LEAKAGE, NAME, FLAG, why)


def possible(order: list[str]) -> bool:
    """Whether some shares deal patients so.

    Args:
        order: the split of each patient, in the order of their hashes.
    """
    from scipy.optimize import linprog

    names = [*SPLITS]
    if not set(order) <= set(names):
        return False
    place = np.array([names.index(split) for split in order], dtype=np.intp)
    given = np.eye(len(names))[place]
    before = np.cumsum(given, axis=0) - given  # (patients, splits), when the patient's turn comes
    rows, bounds = [], []
    for a in range(len(names)):
        turns = before[place == a]
        for b in range(len(names)):
            if a != b and len(turns):
                # shares * patients - before: that of a is the largest
                rows.append(len(order) * (np.eye(len(names))[b] - np.eye(len(names))[a]))
                bounds.append(float((turns[:, b] - turns[:, a]).min()) + _EDGE)
    if not rows:
        return True
    found = linprog(
        np.zeros(len(names)),
        A_ub=np.array(rows),
        b_ub=np.array(bounds),
        A_eq=np.ones((1, len(names))),
        b_eq=[1.0],
        bounds=(0, 1),
        method="highs",
    )
    return bool(found.status == 0)
