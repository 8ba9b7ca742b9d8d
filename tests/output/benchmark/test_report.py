"""table.csv, table.md and report.html of a benchmark, from a table made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from molre.output.benchmark.report import write_benchmark_report
from molre.output.benchmark.table import write_csv, write_markdown
from tests.helpers.output.benchmark_tables import GAIN, LEVEL, ROWS, TABLE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench")
    write_csv(TABLE, out / "table.csv")
    write_markdown(TABLE, out / "table.md")
    write_benchmark_report(TABLE, out / "report.html")
    return out


def test_the_csv_has_every_row_unrounded_and_nothing_where_there_is_nothing(folder: Path) -> None:
    got = pl.read_csv(folder / "table.csv")
    assert got["arm"].to_list() == [row.arm for row in ROWS]
    molre = got.row(by_predicate=(pl.col("arm") == "molre") & (pl.col("seeds") > 0), named=True)
    assert molre["auc"] == 0.8421
    assert molre["minus_frozen"] == 0.0312
    assert molre["minus_frozen_p_holm"] == 0.004
    assert molre["added_share"] == pytest.approx(200_000 / 85_000_000)
    assert molre["auc_hemorrhage"] == 0.91
    gone = got.row(by_predicate=pl.col("state") == "not applicable", named=True)
    assert gone["auc"] is None
    assert gone["verdict"] == "trained from scratch"
    assert "nan" not in (folder / "table.csv").read_text().lower()


def test_the_table_for_people_has_a_line_an_arm_and_names_what_is_not_there(folder: Path) -> None:
    text = (folder / "table.md").read_text()
    lines = text.splitlines()
    row = next(line for line in lines if line.startswith("| vit | slice | molre |"))
    assert "| 0.842 | 0.801 to 0.880 | 0.012 | +0.031 (0.004) |" in row
    assert "capacity, not routing" in row
    assert "| vit | 2D general | 85,000,000 |" in lines
    assert "**Synthetic" in text
    assert "| vit-slice-molre_shuffled-1 | its process was killed \\| twice |" in text
    assert "- vit-slice-frozen-2" in text
    assert "trained from scratch" in text
    assert "200 synthetic test studies of 180 patients" in text


def test_the_page_is_self_contained_and_says_the_same(folder: Path) -> None:
    html = (folder / "report.html").read_text()
    for said in ("Synthetic", "capacity, not routing", "not converged", "Not applicable", "Failed",
                 "Not run yet", "twice", "mean of 12 findings", "85.00 M"):  # fmt: skip
        assert said in html
    assert "<script" not in html
    assert "src=" not in html
    assert "http" not in html.replace("http://www.w3.org", "")
    assert html.count("<svg") == 1
    assert html.count("spread") == 2 + 2  # in the two sentences, and where there are several seeds
    assert "spread –" not in html
    assert 'class="number gone"' in html  # a card has no line for what an arm is not compared with
    assert 'href="cells/vit-slice-molre-0/report.html"' in html


def test_what_a_backbone_is_called_cannot_break_the_page(tmp_path: Path) -> None:
    bad = "hf:<script>alert(1)</script>|x"
    rows = tuple(replace(row, backbone=bad) for row in ROWS)
    table = replace(TABLE, rows=rows, contrasts={(bad, "slice"): TABLE.contrasts["vit", "slice"]})
    write_benchmark_report(table, tmp_path / "report.html")
    write_markdown(table, tmp_path / "table.md")
    assert "<script>" not in (tmp_path / "report.html").read_text()
    assert "</script>|x" not in (tmp_path / "table.md").read_text()


def test_a_benchmark_without_a_run_is_a_page_too(tmp_path: Path) -> None:
    rows = tuple(replace(ROWS[-1], arm=row.arm) for row in ROWS)
    empty = replace(TABLE, rows=rows, contrasts={}, categories={})
    write_benchmark_report(empty, tmp_path / "report.html")
    write_markdown(empty, tmp_path / "table.md")
    write_csv(empty, tmp_path / "table.csv")
    assert "No cell has been run yet" in (tmp_path / "report.html").read_text()
    assert len(pl.read_csv(tmp_path / "table.csv")) == len(rows)


def test_the_same_table_is_the_same_page(folder: Path, tmp_path: Path) -> None:
    write_benchmark_report(TABLE, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (folder / "report.html").read_bytes()


def test_a_rate_at_the_edge_of_the_grid_is_on_the_row(tmp_path: Path) -> None:
    marked = replace(TABLE, rows=(ROWS[0], replace(ROWS[1], at_edge=True), *ROWS[2:]))
    write_benchmark_report(marked, tmp_path / "report.html")
    write_markdown(marked, tmp_path / "table.md")
    write_csv(marked, tmp_path / "table.csv")
    assert (tmp_path / "report.html").read_text().count("rate at the edge</span>") == 1
    assert "| vit | slice | molre, rate at the edge |" in (tmp_path / "table.md").read_text()
    assert pl.read_csv(tmp_path / "table.csv")["rate_at_edge"].to_list()[:3] == [False, True, False]


def test_what_is_not_as_it_should_be_is_in_the_chart_as_well(tmp_path: Path) -> None:
    """An arm that lacks seeds may also have ended with its budget."""
    odd = replace(ROWS[1], state="incomplete", converged=False, at_edge=True)
    write_benchmark_report(replace(TABLE, rows=(ROWS[0], odd, *ROWS[2:])), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "slice, not converged, rate at the edge" in page
    assert page.count('warn">not converged</span>') == 2  # another row is as well


def test_the_difference_that_would_be_found_stands_where_none_is_shown(tmp_path: Path) -> None:
    level = replace(LEVEL, detectable=0.031)
    rows = (*ROWS[:2], replace(ROWS[2], method=level), *ROWS[3:])
    table = replace(TABLE, rows=rows)
    write_benchmark_report(table, tmp_path / "report.html")
    write_markdown(table, tmp_path / "table.md")
    write_csv(table, tmp_path / "table.csv")
    assert "p 0.610; 0.031 would be found" in (tmp_path / "report.html").read_text()
    assert "+0.002 (0.610; 0.031 would be found)" in (tmp_path / "table.md").read_text()
    assert pl.read_csv(tmp_path / "table.csv")["molre_minus_detectable"][2] == 0.031
    assert replace(GAIN, detectable=0.02).found_from == ""  # one is shown


def test_p_before_holm_and_the_smallest_that_could_be_stand_beside_it(tmp_path: Path) -> None:
    frozen = replace(TABLE.contrasts["vit", "slice"][0], alone=0.0021)
    rows = (ROWS[0], replace(ROWS[1], frozen=frozen), *ROWS[2:])
    table = replace(TABLE, rows=rows, smallest_p=2 / 22_401, size="10 distinct of 12 findings")
    write_benchmark_report(table, tmp_path / "report.html")
    write_csv(table, tmp_path / "table.csv")
    page = (tmp_path / "report.html").read_text()
    assert "p 0.004 (0.002 before Holm)" in page
    assert "smallest that the draws could give is 8.9e-05" in page
    assert "10 distinct of 12 findings: those with the same labels count once" in page
    assert pl.read_csv(tmp_path / "table.csv")["minus_frozen_p"][1] == 0.0021
