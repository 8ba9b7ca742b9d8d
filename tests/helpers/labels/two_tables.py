"""Small pairs of label tables, written as a user has them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from molre.evaluation.labels.cells import Cells, Side, compare_cells
from molre.labels.findings import findings
from molre.labels.read_labels import read_labels
from molre.labels.stated import stated

Row = tuple[str, str, str]  # study, finding, state


def write_long(path: Path, rows: Iterable[Row], source: str = "report-rules") -> Path:
    """A long CSV, its evidence the finding's own name."""
    head = "study,finding,state,source,labeller,evidence\n"
    lines = (f"{s},{f},{state},{source},v1,{f.replace('_', ' ')}\n" for s, f, state in rows)
    path.write_text(head + "".join(lines), encoding="utf-8")
    return path


def side(name: str, path: Path) -> Side:
    """A table as the audit reads it."""
    return Side(name, read_labels(path, findings())[1], stated(path, findings()))


def compared(first: Path, second: Path, **how: object) -> Cells:
    """Both side by side."""
    return compare_cells(side("labels", first), side("truth", second), findings(), **how)  # type: ignore[arg-type]
