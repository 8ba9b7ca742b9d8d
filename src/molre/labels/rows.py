"""Rows of a CSV as spreadsheets write it, each with the line it starts on."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from molre.errors import MolreError

Rows = list[tuple[int, list[str]]]
_SAID = re.compile(
    r'"?sep=([^\w\s"]|\t)"?[ \t]*(?:\r\n|\r|\n)', re.I
)  # as Excel writes and reads it


def read_rows(path: Path) -> tuple[list[str], Rows]:
    """Header, and (line it starts on, cells) of each row that is not blank.

    Comma, semicolon, tab and bar are understood, a first line ``sep=;`` that names another one, and
    a byte order mark. All rows are as wide as the header; surrounding space is removed.

    Args:
        path: a CSV in UTF-8, or in UTF-16 with a byte order mark.

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
                fix="correct the line",
            )
    return header, rows


def _numbered(path: Path, text: str) -> Rows:
    said = _SAID.match(text)
    skipped = text[said.end() :] if said else text
    delimiter = said[1] if said else _delimiter(text)
    reader = csv.reader(io.StringIO(skipped, newline=""), delimiter=delimiter, strict=True)
    rows: Rows = []
    above = 1 if said else 0
    start = 1 + above
    try:
        for row in reader:
            cells = [c.strip() for c in row]
            if any(cells):
                rows.append((start, cells))
            start = reader.line_num + 1 + above
    except csv.Error as error:
        raise MolreError(
            f"line {start} is not valid CSV ({error})", where=path, fix="correct its quotes"
        ) from None
    if not rows:
        raise MolreError("is empty", where=path, fix="give a header and rows")
    return rows


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MolreError("no such file", where=path, fix="give a CSV") from None
    except IsADirectoryError:
        raise MolreError("is a folder", where=path, fix="give a CSV") from None
    if data.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0")):
        raise MolreError("is a workbook, not a CSV", where=path, fix="save it as CSV UTF-8")
    if data.startswith(b"PAR1"):
        raise MolreError("is a Parquet table, not a CSV", where=path, fix="write it as CSV UTF-8")
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise MolreError("is not UTF-8 text", where=path, fix="save it as CSV UTF-8")
    return text


def _delimiter(text: str) -> str:
    """The most frequent one of the first line, outside quotes."""
    first = re.sub(r'"[^"]*"', "", re.split(r"[\r\n]", text.lstrip("\r\n "), maxsplit=1)[0])
    return max(",;\t|", key=first.count)
