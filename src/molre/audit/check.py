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


class NotAvailableError(MolreError):
    """What a check needs is not there, which is not a fault of the run."""


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
    said = f"{len(differences)} of {numbers:,} differ: {_first(differences)}"
    return Check(group, name, FAIL, said)


def flagged(group: str, name: str, looked: int, found: Sequence[str], what: str = "") -> Check:
    """PASS where nothing was found; FLAG with the first of what was, for a person to look at.

    Args:
        group: see :class:`Check`.
        name: what was looked for.
        looked: at how many.
        found: one sentence each.
        what: was looked at, e.g. ``"cells"``.
    """
    among = f"among {looked:,} {what}".rstrip()
    if not found:
        return Check(group, name, PASS, f"none {among}")
    return Check(group, name, FLAG, f"{len(found)} {among}: {_first(found)}")


def _first(found: Sequence[str]) -> str:
    """The first sentences, and how many more there are."""
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def not_checked(group: str, name: str, why: str) -> Check:
    """A check that could not be made, and why."""
    return Check(group, name, NOT_CHECKED, why)
