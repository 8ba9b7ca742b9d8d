from __future__ import annotations

import io

import pytest
from rich.console import Console

from molre.evaluation.comparison.compare import Comparison, compare
from molre.output.comparison.text import HEADER, comparison_table, comparison_text, fitting
from tests.helpers.evaluation.runs import write_run


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


ARMS = ("frozen", "mlp_matched", "molre_random_router", "molre_shuffled", "molre")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Comparison:
    """The arms of the demo, two seeds each."""
    root = tmp_path_factory.mktemp("demo")
    runs = [
        write_run(root / f"{arm}-{seed}", arm=arm, seed=10 * seed + i)
        for i, arm in enumerate(ARMS)
        for seed in (0, 1)
    ]
    return compare(runs, root, draws=100)


def printed(comparison: Comparison, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(comparison_table(comparison))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_names_and_numbers_are_whole_and_what_is_left_out_is_named(demo, width):
    shown = printed(demo, width)
    cells = [[c.strip() for c in line.split("│")[1:-1]] for line in shown.splitlines()]
    rows = [row for row in cells if row]
    whole = comparison_text(demo)
    kept = fitting(whole, width)
    assert rows == [[row[column] for column in kept] for row in whole]
    assert all(len(line) <= width for line in shown.splitlines())
    said = " ".join(shown.split())
    for column, name in enumerate(HEADER):
        left_out = f"(see the report): {', '.join(HEADER[c] for c in range(8) if c not in kept)}."
        assert column in kept or left_out in said, name


def test_eighty_columns_hold_what_is_read_first_and_a_wide_terminal_everything(demo):
    rows = comparison_text(demo)
    assert [HEADER[column] for column in fitting(rows, 80)] == [
        "arm", "macro AUC", "95 % interval", "seed spread", "minus frozen", "p (Holm)",
    ]  # fmt: skip
    assert len(fitting(rows, 100)) == len(HEADER)


@pytest.mark.parametrize("width", [30, 60])
def test_no_name_is_cut_however_narrow_the_terminal(tmp_path, width):
    names = ("molre", "molre_random_router")
    runs = [
        write_run(tmp_path / arm, arm=arm, seed=i, placement=f"blocks_{i}")
        for i, arm in enumerate(names)
    ]
    assert "…" not in printed(compare(runs, tmp_path, draws=100), width)


def test_where_nothing_can_be_evaluated_one_sentence_says_so(tmp_path):
    runs = [
        write_run(tmp_path / arm, arm=arm, seed=i, studies=7)
        for i, arm in enumerate(("frozen", "molre"))
    ]
    assert " ".join(printed(compare(runs, tmp_path, draws=100), 80).split()) == (
        "7 synthetic test studies of 7 patients: too few to evaluate any arm, as no finding has "
        "ten positive and ten negative patients in test."
    )
