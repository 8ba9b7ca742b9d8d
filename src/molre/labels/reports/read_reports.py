"""Tables of reports: CSV as spreadsheets write it, JSON lines and Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from molre.errors import MolreError, did_you_mean
from molre.labels.columns import check_columns, id_column, plain
from molre.labels.read_labels import is_parquet, open_parquet
from molre.labels.reports.plain_text import plain_text
from molre.labels.rows import read_rows

TEXT_COLUMNS = (
    "text", "report", "report_text", "reporttext", "radiology_report", "full_text", "note",
    "narrative", "body", "findings_text", "content",
)  # fmt: skip
PARTS = ("history", "indication", "technique", "comparison", "findings", "impression", "conclusion",
         "addendum")  # fmt: skip


@dataclass(frozen=True)
class Report:
    """One row.

    Attributes:
        study: as the table names it; may be empty.
        text: without markup.
        line: of the file, or the row counted from 1, for messages.
    """

    study: str
    text: str
    line: int


@dataclass(frozen=True)
class ReportTable:
    """Reports, and the heading of the column that names their studies."""

    id_column: str
    reports: list[Report]

    @property
    def texts(self) -> dict[str, str]:
        """Text by study; several reports of one are joined, in order, by an empty line."""
        found: dict[str, list[str]] = {}
        for report in self.reports:
            if report.study and report.text:
                found.setdefault(report.study, []).append(report.text)
        return {study: "\n\n".join(texts) for study, texts in found.items()}


def read_reports(
    path: str | Path, id_name: str | None = None, text_names: Sequence[str] = ()
) -> ReportTable:
    """The reports of a table, in its order.

    Args:
        path: CSV (see :func:`molre.labels.rows.read_rows`), ``.jsonl`` or Parquet.
        id_name: column that names the study; found among the usual names if not given.
        text_names: columns that hold the text, joined under their names as headings if several;
            found among the usual names if not given.

    Raises:
        MolreError: a file that cannot be read, or whose columns do not tell.
    """
    path = Path(path)
    header, rows = _rows(path)
    check_columns(path, header)
    name = id_column(path, header, id_name)
    texts = _text_columns(path, [c for c in header if c != name], text_names)
    at, places = header.index(name), [header.index(c) for c in texts]
    reports = [
        Report(cells[at].strip(), _joined([cells[p] for p in places], texts), line)
        for line, cells in rows
    ]
    return ReportTable(name, reports)


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _json_lines(path)
    if is_parquet(path):
        table = open_parquet(path)
        rows = [[_text(c) for c in row] for row in table.rows()]
        return table.columns, list(enumerate(rows, 1))
    return read_rows(path)


def _json_lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise MolreError("no such file", where=path, fix="give a table of reports") from None
    except (OSError, UnicodeDecodeError):
        raise MolreError("is not UTF-8 text", where=path, fix="save it as UTF-8") from None
    rows: list[tuple[int, dict[str, object]]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise MolreError(
                f"line {number} is not a JSON object", where=path, fix="write one on each line"
            )
        rows.append((number, row))
    if not rows:
        raise MolreError("is empty", where=path, fix="give a JSON object on each line")
    header = list(dict.fromkeys(key for _, row in rows for key in row))
    return header, [(n, [_text(row.get(key)) for key in header]) for n, row in rows]


def _text(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


def _text_columns(path: Path, header: list[str], wanted: Sequence[str]) -> list[str]:
    for name in wanted:
        if name not in header:
            fix = did_you_mean(name, header)
            raise MolreError(f"has no column {name!r}", where=path, fix=fix)
    if wanted:
        return list(wanted)
    by_plain = {plain(name): name for name in reversed(header)}
    for name in TEXT_COLUMNS:
        if plain(name) in by_plain:
            return [by_plain[plain(name)]]
    parts = [by_plain[name] for name in PARTS if name in by_plain]
    if {"findings", "impression", "conclusion"} & {plain(p) for p in parts}:
        return parts
    raise MolreError(
        f"no column holds the report (columns: {', '.join(header[:8])})",
        where=path,
        fix="name it with --text-column NAME",
    )


def _joined(cells: list[str], names: list[str]) -> str:
    """Several columns as sections under their names."""
    texts = [plain_text(cell) for cell in cells]
    if len(texts) == 1:
        return texts[0]
    said = zip(names, texts, strict=True)
    return "\n\n".join(f"{name.upper()}: {text}" for name, text in said if text)
