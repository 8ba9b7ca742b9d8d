from __future__ import annotations

import polars as pl

from molre.labels.stated import stated_cells
from tests.helpers.labels.two_tables import write_long

ROWS = [("r1", "mass_effect", "absent"), ("r1", "midline_shift", "not_mentioned")]


def test_a_long_table_states_the_cells_that_it_has_a_row_for(tmp_path):
    found = stated_cells(write_long(tmp_path / "long.csv", ROWS))
    assert found.rows() == [(study, finding) for study, finding, _ in ROWS]


def test_parquet_says_the_same(tmp_path):
    columns = ["study_id", "finding", "state"]
    pl.DataFrame(ROWS, schema=columns, orient="row").write_parquet(tmp_path / "long.parquet")
    assert stated_cells(tmp_path / "long.parquet").rows() == [row[:2] for row in ROWS]


def test_in_a_wide_table_ones_and_zeros_do(tmp_path):
    (tmp_path / "wide.csv").write_text("study,mass_effect\nr1,1\n")
    assert stated_cells(tmp_path / "wide.csv") is None
