"""A file that cannot be read is one sentence that names it, and the remedy where there is one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from molre.errors import MolreError
from molre.runs.reading import read_json, read_table


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'"text"', b"\xff\xfe{}", b"[" * 100_000], ids=repr
)
def test_what_is_not_a_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(MolreError, match=r"a\.json: not readable as a JSON object\. Do that\."):
        read_json(tmp_path / "a.json", "do that")


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    for reader in (read_json, read_table):
        with pytest.raises(MolreError, match=r"a\.b: missing\."):
            reader(tmp_path / "a.b")


def test_a_table_has_the_columns_that_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    assert read_table(path, ["a"]).rows() == [(1,)]
    with pytest.raises(MolreError, match=r"lacks column b, c"):
        read_table(path, ["a", "b", "c"])
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(MolreError, match="not readable as Parquet"):
        read_table(path)
