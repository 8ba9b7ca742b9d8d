"""Tables on disk: polars is given what is in a file, never its name.

To polars a name is more than a name: ``*``, ``?`` and ``[1]`` are a pattern, so that tables of
other folders would be read too without a word, ``~`` is somebody's home, ``file:`` an address,
and what is not UTF-8 an error.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molre import files

if TYPE_CHECKING:
    import polars as pl


def read_parquet(path: Path) -> pl.DataFrame:
    """The Parquet table of this one file; errors are those of polars and of the system."""
    import polars as pl

    with open(path, "rb") as handle:
        return pl.read_parquet(handle)


def read_csv(path: Path, **how: Any) -> pl.DataFrame:
    """The CSV table of this one file; errors are those of polars and of the system.

    Args:
        path: of the file.
        how: to read it, as polars takes it.
    """
    import polars as pl

    return pl.read_csv(io.BytesIO(path.read_bytes()), **how)


def write_csv(path: Path, table: pl.DataFrame) -> None:
    """A CSV file, whole or not at all."""
    files.write_text(path, table.write_csv())
