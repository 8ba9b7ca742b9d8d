"""The findings table: what a head CT can show, in one CSV that ships as package data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

from molre.errors import MolreError
from molre.labels.rows import read_rows

REQUIRED = ("id", "name", "category", "parent", "blank_means")


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    Attributes:
        id: stable snake_case identifier.
        name: as printed.
        category: hemorrhage, infarction, trauma, mass_lesion, structural or chronic.
        parent: id of the broader finding, or None.
        blank_means: ``absent`` or ``unknown``: what silence in a report means.
        definition: as seen on non-contrast CT.
        report_terms: phrases that mean the finding.
        exclude_terms: look-alikes that do not count.
        cq500: CQ500's own names of it, of which any means the finding; exact ones only.
        rsna_ich: those of the RSNA 2019 hemorrhage challenge, likewise.
    """

    id: str
    name: str
    category: str
    parent: str | None
    blank_means: str
    definition: str = ""
    report_terms: tuple[str, ...] = ()
    exclude_terms: tuple[str, ...] = ()
    cq500: tuple[str, ...] = ()
    rsna_ich: tuple[str, ...] = ()


@dataclass(frozen=True)
class FindingsTable:
    """Findings in a fixed order; iterable."""

    rows: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        """The findings in order."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Number of findings."""
        return len(self.rows)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Identifiers in order."""
        return tuple(f.id for f in self.rows)

    @cached_property
    def by_id(self) -> dict[str, Finding]:
        """Finding of an id."""
        return {f.id: f for f in self.rows}

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Categories in order of first appearance."""
        return tuple(dict.fromkeys(f.category for f in self.rows))

    def ancestors(self, finding: str) -> tuple[str, ...]:
        """Broader findings, nearest first."""
        found: list[str] = []
        parent = self.by_id[finding].parent
        while parent is not None:
            found.append(parent)
            parent = self.by_id[parent].parent
        return tuple(found)


@cache
def findings() -> FindingsTable:
    """The table that comes with molre."""
    with resources.as_file(resources.files("molre.labels") / "findings.csv") as path:
        return load(path)


def load(path: Path) -> FindingsTable:
    """Read a findings table (CSV).

    Raises:
        MolreError: no such file, not UTF-8, no rows, a ragged line, a missing column, an empty or
            repeated id, an unknown or circular parent, a ``blank_means`` other than absent or
            unknown.
    """
    header, rows = read_rows(path)
    missing = [c for c in REQUIRED if c not in header]
    if missing:
        raise MolreError(f"has no column {missing[0]!r}", where=path, fix="add the column")
    table = FindingsTable(tuple(_finding(dict(zip(header, row, strict=True))) for _, row in rows))
    _check(table, path)
    return table


def _finding(row: dict[str, str]) -> Finding:
    return Finding(
        id=row["id"],
        name=row["name"],
        category=row["category"],
        parent=row["parent"] or None,
        blank_means=row["blank_means"],
        definition=row.get("definition", ""),
        report_terms=_terms(row.get("report_terms", "")),
        exclude_terms=_terms(row.get("exclude_terms", "")),
        cq500=_terms(row.get("cq500", "")),
        rsna_ich=_terms(row.get("rsna_ich", "")),
    )


def _terms(cell: str) -> tuple[str, ...]:
    return tuple(t.strip() for t in cell.split(";") if t.strip())


def _check(table: FindingsTable, path: Path) -> None:
    seen: set[str] = set()
    for f in table:
        if not f.id:
            raise MolreError(f"finding {f.name!r} has no id", where=path, fix="give it one")
        if f.id in seen:
            raise MolreError(f"finding {f.id!r} is listed twice", where=path, fix="keep one row")
        seen.add(f.id)
        if f.blank_means not in ("absent", "unknown"):
            raise MolreError(
                f"{f.id}: blank_means {f.blank_means!r}", where=path, fix="write absent or unknown"
            )
    for f in table:
        chain, parent = {f.id}, f.parent
        while parent is not None:
            if parent not in seen or parent in chain:
                raise MolreError(
                    f"{f.id}: parent {parent!r} is unknown or circular",
                    where=path,
                    fix="correct it",
                )
            chain.add(parent)
            parent = table.by_id[parent].parent
