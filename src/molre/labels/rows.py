"""Rows of a CSV as spreadsheets write it, each with the line it starts on."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from molre.errors import MolreError

Rows = list[tuple[int, list[str]]]


def read_rows(path: Path) -> tuple[list[str], Rows]:
    """Header, and (line it starts on, cells) of each row that is not blank.

    Comma, semicolon and tab are understood, and a byte order mark. All rows are as wide as the
    header; surrounding space is removed.

    Args:
        path: a CSV in UTF-8.

    Raises:
        MolreError: no such file, not UTF-8, quotes that do not close, no rows, a ragged line.
    """
    (_, header), *rows = _numbered(path, _text(path))
    if not rows:
        raise MolreError("has no rows below its header", where=path, fix="add some")
    for line, row in rows:
        if len(row) != len(header):
            raise MolreError(
                f"line {line} has {len(row)} cells, the header {len(header)}",
                where=path,
                fix="mend the line",
            )
    return header, rows


def _numbered(path: Path, text: str) -> Rows:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: Rows = []
    start = 1
    try:
        for row in reader:
            cells = [c.strip() for c in row]
            if any(cells):
                rows.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        raise MolreError(
            f"line {start} is no CSV ({error})", where=path, fix="mend its quotes"
        ) from None
    if not rows:
        raise MolreError("is empty", where=path, fix="give a header and rows")
    return rows


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MolreError("no such file", where=path, fix="give a CSV") from None
    except IsADirectoryError:
        raise MolreError("is a folder", where=path, fix="give a CSV") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # UTF-16, or a workbook
        raise MolreError("is not UTF-8 text", where=path, fix="save it as CSV UTF-8")
    return text


def _delimiter(text: str) -> str:
    """The most frequent one of the first line, outside quotes."""
    first = re.sub(r'"[^"]*"', "", text.lstrip().split("\n", 1)[0])
    return max(",;\t", key=first.count)
