"""Columns of label tables: which one names the study, and what a column or cell may mean."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import polars as pl

from molre.errors import MolreError, did_you_mean
from molre.labels.findings import FindingsTable

RESERVED = ("source", "labeller")  # per row, over what the call says
ID_COLUMNS = (
    "study",
    "study_id",
    "studyinstanceuid",
    "study_instance_uid",
    "accession",
    "accessionnumber",
    "accession_number",
    "folder",
    "id",
    "name",
    "file",
    "series",
    "patient_id",
    "patient",
    "subject_id",
    "subject",
)
LONG_SCHEMA = {
    "id": pl.String,
    "finding": pl.String,
    "state": pl.String,
    "source": pl.String,
    "labeller": pl.String,
    "evidence": pl.String,
}

SAYS = tuple(LONG_SCHEMA)[1:]  # of a long table, behind the column that names the study


def check_columns(path: str | Path, header: list[str]) -> None:
    """Refuse a column without a name, and a name that is listed twice."""
    for at, name in enumerate(header):
        if not name:
            raise MolreError("a column has no name", where=path, fix="name it or remove it")
        if name in header[:at]:
            raise MolreError(f"column {name!r} is listed twice", where=path, fix="keep one")


def id_column(path: str | Path, header: list[str], wanted: str | None) -> str:
    """The heading of the column that names the study: as asked, else one of the usual."""
    if wanted is not None:
        if wanted in header:
            return wanted
        raise MolreError(f"has no column {wanted!r}", where=path, fix=did_you_mean(wanted, header))
    by_plain = {plain(c): c for c in reversed(header)}
    for name in ID_COLUMNS:
        if plain(name) in by_plain:
            return by_plain[plain(name)]
    raise MolreError(
        f"no column names the study (columns: {', '.join(header[:8])} ...)",
        where=path,
        fix="name it with --id-column NAME",
    )


def plain(name: str) -> str:
    """A heading without case, spaces, hyphens and underscores."""
    return re.sub(r"[\W_]+", "", name.casefold())


def unknown_findings(path: str | Path, unknown: list[str], table: FindingsTable) -> MolreError:
    """All columns that are not findings at once, each with a guess."""
    ignored = " ".join(f"--ignore-column {shlex.quote(name)}" for name in unknown)
    if len(unknown) == 1:
        fix = f"{guess(unknown[0], table)}, or add {ignored}"
        return MolreError(f"unknown finding {unknown[0]!r}", where=path, fix=fix)
    said = "; ".join(f"{name!r}: {guess(name, table)}" for name in unknown[:20])
    more = f"; and {len(unknown) - 20} more" if len(unknown) > 20 else ""
    return MolreError(
        f"{len(unknown)} unknown findings: {said}{more}",
        where=path,
        fix=f"rename them (`molre list findings` shows all), or add {ignored}",
    )


def guess(name: str, table: FindingsTable) -> str:
    """The finding that may be meant, as a remedy."""
    alike = [f for f in table.ids if plain(f) == plain(name)]
    if alike:
        return f"did you mean {alike[0]!r}"
    found = did_you_mean(name.lower(), table.ids)
    return found if found.startswith("did") else "it resembles no finding"
