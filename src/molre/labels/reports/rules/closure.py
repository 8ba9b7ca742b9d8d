"""Cells closed under the hierarchy of findings, with nothing contradicted."""

from __future__ import annotations

from dataclasses import replace

from molre.labels.findings import FindingsTable
from molre.labels.reports.cell import Cell


def closed(cells: dict[str, Cell], table: FindingsTable) -> list[Cell]:
    """Cells with what follows from them, in the table's order.

    A present child makes its parents present, which outweighs a parent that is denied: a report
    that denies hemorrhage and describes one denies other hemorrhage. The parent of an uncertain
    finding is present or uncertain. An absent parent makes those children absent of which nothing
    else is said.

    Args:
        cells: by finding.
        table: the findings.
    """
    found = dict(cells)
    for state in ("present", "uncertain"):
        for cell in list(found.values()):
            if cell.state != state:
                continue
            for name in table.ancestors(cell.finding):
                there = found.get(name)
                if there is None or there.state == "absent" or (
                    state == "present" and there.state == "uncertain"
                ):  # fmt: skip
                    found[name] = replace(cell, finding=name, note="hierarchy")
    for finding in table:
        above = next(
            (found[a] for a in table.ancestors(finding.id)
             if a in found and found[a].state == "absent"), None,
        )  # fmt: skip
        if above is not None and finding.id not in found:
            found[finding.id] = replace(above, finding=finding.id, note="hierarchy")
    return [found[f.id] for f in table if f.id in found]
