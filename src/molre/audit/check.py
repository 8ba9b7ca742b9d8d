"""One check of an audit: what was looked at, what came of it, and the figures behind that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from molre.errors import MolreError

PASS = "PASS"
FAIL = "FAIL"
FLAG = "FLAG"  # nothing is wrong by itself; a person must look
NOT_CHECKED = "NOT CHECKED"
SHOWN = 3  # differences that a sentence names

FILES = "files"  # are they whole
NUMBERS = "numbers"  # do they follow from the files before them
DATA = "data"  # are they about the scans and labels they say
LEAKAGE = "leakage"  # did the test split stay out of everything before it
INSTALLATION = (ImportError, OSError, MemoryError)  # no fault of the run: they end the audit
GROUPS = (FILES, NUMBERS, DATA, LEAKAGE)


class NotAtHandError(MolreError):
    """What a check needs is not there, which is no fault of the run."""


@dataclass(frozen=True)
class Check:
    """A row of the audit.

    Attributes:
        group: one of ``GROUPS``.
        name: what was checked, e.g. ``metrics.parquet recomputed``.
        outcome: ``PASS``, ``FAIL``, ``FLAG`` or ``NOT CHECKED``.
        found: a sentence with figures; why not, where it was not checked.
    """

    group: str
    name: str
    outcome: str
    found: str


def compared(group: str, name: str, numbers: int, differences: Sequence[str]) -> Check:
    """PASS where all values agree; FAIL with the first differences.

    Args:
        group: see :class:`Check`.
        name: what was compared.
        numbers: how many values were.
        differences: one sentence each.
    """
    if not differences:
        return Check(group, name, PASS, f"{numbers:,} values agree")
    said = "; ".join(differences[:SHOWN])
    more = f"; and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    return Check(group, name, FAIL, f"{len(differences)} of {numbers:,} differ: {said}{more}")


def not_checked(group: str, name: str, why: str) -> Check:
    """A check that could not be made, and why."""
    return Check(group, name, NOT_CHECKED, why)
