"""Audits of a comparison and of a folder of runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from molre.audit.check import FAIL, FLAG, NOT_CHECKED, PASS
from molre.audit.report_differences import RENDERED
from molre.audit.several import together
from molre.evaluation.comparison.compare import compare
from molre.evaluation.evaluate import score
from molre.output.comparison.report import write_comparison_report
from molre.runs.run import read_run
from molre.runs.sources import COMPARISON, read_sources
from molre.workflows.example_cases import run_examples
from tests.helpers.audit.called import call, files_of
from tests.helpers.audit.tampered_together import runs_of, seed_copied

FEWEST = ("--reread", "1", "--reread-seed", "1")


def test_a_comparison_s_example_cases_are_made_again(whole: Path, tmp_path: Path) -> None:
    """As `molre demo` shows them: of the first run of the method."""
    out = shutil.copytree(whole / "compared", tmp_path / "compared")
    runs, shown = runs_of(out), out / "runs" / "molre-0"
    examples = run_examples(score(read_run(shown)))
    assert examples
    write_comparison_report(compare(runs, out), out / "report.html", examples)
    told = read_sources(out / COMPARISON)
    assert {check.outcome for check in together(out, told)} == {PASS}
    page, begin = (out / "report.html").read_text(), ";base64,"
    assert begin in page
    (out / "report.html").write_text(page.replace(begin, begin + "A", 1))
    assert [c.name for c in together(out, told) if c.outcome == FAIL] == [
        "report.html as rendered from report.json"
    ]


def test_a_comparison_made_from_python_has_no_page_and_does_not_fail(
    whole: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(whole / "compared", tmp_path / "compared")
    for name in ("report.html", "report.json", "comparison.csv", "contrasts.csv"):
        (out / name).unlink()
    compare(runs_of(out), out)
    checks = together(out, read_sources(out / COMPARISON))
    odd = {check.name: check.outcome for check in checks if check.outcome != PASS}
    assert odd == {RENDERED: NOT_CHECKED}


def test_a_comparison_is_audited_with_its_runs(whole: Path, tmp_path: Path) -> None:
    before = files_of(whole / "compared")
    said = call(str(whole / "compared"), "-o", str(tmp_path), *FEWEST)
    assert files_of(whole / "compared") == before
    assert "0 FAIL beside the runs; 0 of 3 runs with a FAIL" in said.output, said.output
    assert said.exit_code == 3  # nobody evaluated the runs by themselves
    page = (tmp_path / "audit.html").read_text()
    assert "Audit of the comparison" in page
    for run in runs_of(whole / "compared"):
        assert f'href="cells/{run.name}/audit.html"' in page


def test_a_comparison_and_its_runs_may_be_moved_together(whole: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(whole / "compared", tmp_path / "elsewhere")
    assert call(str(moved), *FEWEST).exit_code == 3
    shutil.rmtree(moved / "runs" / "molre-1")
    said = call(str(moved), *FEWEST)
    assert said.exit_code == 3
    assert "NOT CHECKED: runs are those that were compared: runs/molre-1 is not" in said.output


def test_a_folder_of_runs_is_searched_for_copies(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole / "compared", tmp_path / "compared")
    seed_copied(copy)
    said = call(str(copy / "runs"), *FEWEST)
    assert said.exit_code == 1
    assert "no run holds the predictions of another: 1 of 3 differ: molre-0 and molre-1" in (
        said.output
    )


def test_the_usual_number_of_draws_is_no_flag_whoever_wrote_it(whole: Path, tmp_path: Path) -> None:
    """Comparisons of another molre may name the number that follows from the contrasts."""
    out = shutil.copytree(whole / "compared", tmp_path / "compared")
    for draws, outcome in ((2000, PASS), (2001, FLAG)):
        comparison = compare(runs_of(out), out, draws=draws)
        write_comparison_report(comparison, out / "report.html")
        checks = {c.name: c.outcome for c in together(out, read_sources(out / COMPARISON))}
        assert checks["settings of the bootstrap"] == outcome
        assert FAIL not in checks.values()
