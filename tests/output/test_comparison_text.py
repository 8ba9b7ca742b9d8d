from __future__ import annotations

import io

from rich.console import Console
from runs import write_run

from molre.evaluation.compare import compare
from molre.output.comparison_text import HEADER, comparison_table, comparison_text


def test_the_terminal_shows_arms_verdicts_and_that_it_is_synthetic(tmp_path):
    runs = [write_run(tmp_path / arm, arm=arm, seed=i) for i, arm in enumerate(("frozen", "molre"))]
    comparison = compare(runs, tmp_path, draws=100)
    rows = comparison_text(comparison)
    assert [row[0] for row in rows] == ["frozen", "molre"]
    assert all(len(row) == len(HEADER) for row in rows)
    console = Console(file=io.StringIO(), width=120)
    console.print(comparison_table(comparison))
    said = " ".join(console.file.getvalue().split())  # sentences are wrapped
    assert "60 synthetic test studies" in said
    assert f"molre minus frozen: {comparison.result.contrasts[0].verdict}" in said


def test_no_name_is_cut_however_narrow_the_terminal(tmp_path):
    names = ("molre", "molre_random_router")
    runs = [write_run(tmp_path / arm, arm=arm, seed=i) for i, arm in enumerate(names)]
    console = Console(file=io.StringIO(), width=60)
    console.print(comparison_table(compare(runs, tmp_path, draws=100)))
    assert "…" not in console.file.getvalue()
