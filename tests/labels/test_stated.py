from __future__ import annotations

import polars as pl

from molre.labels.findings import findings
from molre.labels.stated import stated
from tests.helpers.labels.two_tables import write_long

ROWS = [("r1", "mass_effect", "absent"), ("r1", "midline_shift", "not_mentioned")]


def test_a_long_table_speaks_of_the_cells_that_it_has_a_row_for(tmp_path):
    found = stated(write_long(tmp_path / "long.csv", ROWS), findings())
    assert found.cells.rows() == [(study, finding) for study, finding, _ in ROWS]
    assert not found.wide


def test_parquet_says_the_same(tmp_path):
    columns = ["study_id", "finding", "state"]
    pl.DataFrame(ROWS, schema=columns, orient="row").write_parquet(tmp_path / "long.parquet")
    assert stated(tmp_path / "long.parquet", findings()).cells.rows() == [row[:2] for row in ROWS]


def test_a_wide_one_speaks_in_ones_and_zeros_and_the_hierarchy_adds_none(tmp_path):
    (tmp_path / "wide.csv").write_text("study,intracranial_hemorrhage,mass_effect\nr1,0,\nr2,,1\n")
    found = stated(tmp_path / "wide.csv", findings())
    assert found.cells.rows() == [("r1", "intracranial_hemorrhage"), ("r2", "mass_effect")]
    assert found.wide
