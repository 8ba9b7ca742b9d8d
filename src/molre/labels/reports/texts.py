"""Texts of reports by study, from a table or JSON lines; what an adjudication sheet shows."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from molre.errors import MolreError
from molre.labels.columns import id_column, plain
from molre.labels.read_labels import is_parquet
from molre.labels.rows import read_rows
from molre.table_files import read_parquet

TEXT_COLUMNS = ("text", "report", "reporttext", "findings")


def read_texts(path: Path, id_name: str | None = None) -> dict[str, str]:
    """Text of each report.

    Args:
        path: CSV or Parquet with a column that names the study and ``text``, or JSON lines of
            objects with ``id`` and ``text``.
        id_name: the column that names the study; found among the usual names if not given.

    Returns:
        Text by study; several reports of one are joined, in order, by an empty line.

    Raises:
        MolreError: no such file, another format, or no such columns.
    """
    names, rows = _rows(path)
    text = next((c for c in names if plain(c) in TEXT_COLUMNS), None)
    if text is None:
        raise MolreError("has no column 'text'", where=path, fix="give a study and its text")
    name = id_column(path, [c for c in names if c != text], id_name)
    texts: dict[str, str] = {}
    for row in rows:
        study, words = str(row.get(name) or "").strip(), str(row.get(text) or "")
        if study and words.strip():
            texts[study] = f"{texts[study]}\n\n{words}" if study in texts else words
    return texts


def _rows(path: Path) -> tuple[list[str], list[dict[str, object]]]:
    if is_parquet(path):
        frame = read_parquet(path)
        return frame.columns, frame.cast(pl.String, strict=False).to_dicts()
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _json_lines(path)
    header, rows = read_rows(path)
    return header, [dict(zip(header, row, strict=True)) for _, row in rows]


def _json_lines(path: Path) -> tuple[list[str], list[dict[str, object]]]:
    if not path.is_file():
        raise MolreError("no such file", where=path, fix="give reports as CSV, Parquet or JSONL")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise MolreError("is not UTF-8 text", where=path, fix="save it as UTF-8") from None
    rows = [_object(path, n, line) for n, line in enumerate(lines, 1) if line.strip()]
    return list(dict.fromkeys(name for row in rows for name in row)), rows


def _object(path: Path, number: int, line: str) -> dict[str, object]:
    """One line; an error says its number and never the line itself, which is a report."""
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise MolreError(
            f"line {number} is not a JSON object",
            where=path,
            fix="write an object with id and text on each line",
        )
    return {str(k): v for k, v in row.items() if isinstance(v, str | int)}
