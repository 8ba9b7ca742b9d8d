"""One JSON file or table of a folder, or one sentence about what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from molre.errors import MolreError
from molre.table_files import read_parquet


def read_json(path: Path, fix: str | None = None) -> dict[str, Any]:
    """A JSON object.

    Args:
        path: of the file.
        fix: what to do where it is damaged or missing.

    Raises:
        MolreError: missing, or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MolreError("missing", where=path, fix=fix) from None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise MolreError("not readable as a JSON object", where=path, fix=fix)
    return content


def read_table(path: Path, columns: Sequence[str] = (), fix: str | None = None) -> pl.DataFrame:
    """A Parquet table.

    Args:
        path: of the file.
        columns: that it must have.
        fix: what to do where it is damaged or missing.

    Raises:
        MolreError: missing, something else, or without one of the columns.
    """
    if not path.is_file():
        raise MolreError("missing", where=path, fix=fix)
    try:
        table = read_parquet(path)
    except (pl.exceptions.PolarsError, OSError):
        raise MolreError("not readable as Parquet", where=path, fix=fix) from None
    lacking = [name for name in columns if name not in table.columns]
    if lacking:
        raise MolreError(f"lacks column {', '.join(lacking)}", where=path, fix=fix)
    return table
