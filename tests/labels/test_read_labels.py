"""Labels in any form: a long table in memory, as CSV or Parquet, or a wide CSV, mean the same."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.read_labels import read_labels
from tests.helpers.labels.long_rows import COLUMNS, ROWS, frame, row

TABLE = findings()


@pytest.mark.parametrize("form", ["frame", "csv", "parquet"])
def test_all_of_a_long_table_is_kept_whatever_it_comes_in(tmp_path: Path, form: str) -> None:
    given = frame()
    if form != "frame":
        path = tmp_path / f"labels.{form}"
        (given.write_csv if form == "csv" else given.write_parquet)(path)
    column, long = read_labels(given if form == "frame" else path, TABLE, source="reader")
    assert column == "study"
    assert long.height == 2 * len(TABLE)
    said = row(long, "A", "hydrocephalus")
    assert said == dict(zip(["id", *COLUMNS[1:]], ROWS[1], strict=True))
    assert row(long, "A", "intracranial_hemorrhage")["state"] == "present"
    assert row(long, "B", "calvarial_fracture")["state"] == "absent"
    silent = row(long, "A", "skull_fracture")
    assert (silent["state"], silent["source"]) == ("not_mentioned", "report-rules")
    assert (silent["labeller"], silent["evidence"]) == ("rules 2", "")
    assert row(long, "B", "skull_fracture")["source"] == "reader"


def test_a_csv_with_a_column_for_each_finding_is_a_wide_one(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("study,skull_fracture\nA,1\n")
    _, long = read_labels(str(tmp_path / "wide.csv"), TABLE)
    assert row(long, "A", "skull_fracture")["state"] == "present"


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"PAR1 and no more", "is damaged"), (b"", "is empty"), (None, "no such file")],
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, data, said: str) -> None:
    path = tmp_path / "labels.parquet"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(MolreError, match=f"labels.parquet: {said}"):
        read_labels(path, TABLE)


def test_a_parquet_table_that_is_not_long_is_refused_with_the_columns_it_needs(
    tmp_path: Path,
) -> None:
    pl.DataFrame({"study": ["A"], "skull_fracture": [1]}).write_parquet(tmp_path / "wide.parquet")
    with pytest.raises(MolreError, match=r"not a long label table.*finding, and state"):
        read_labels(tmp_path / "wide.parquet", TABLE)
