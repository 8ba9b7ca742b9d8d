"""``molre audit`` on every kind of folder: what it ends in, by exit code, and what it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from molre.audit.check import FAIL, FLAG, PASS
from molre.audit.checks.reread import reread
from molre.audit.run_under_audit import Opened
from molre.audit.several import together
from molre.errors import MolreError
from molre.evaluation.comparison.compare import compare
from molre.evaluation.evaluate import score
from molre.evaluation.run_files import read_run
from molre.evaluation.sources import COMPARISON, read_sources
from molre.output.comparison_html import write_comparison_report
from molre.workflows.example_cases import run_examples
from tests.helpers.audit.called import call, files_of
from tests.helpers.audit.tampered_together import runs_of, seed_copied

FEWEST = ("--reread", "1", "--reread-seed", "1")


@pytest.fixture
def gone(run: Path) -> Path:
    """A run whose cohort is not at hand."""
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"cohort": "/gone"}, indent=2))
    return run


def test_what_is_not_checked_is_exit_3_and_never_0(gone: Path, tmp_path: Path) -> None:
    said = call(str(gone), "-o", str(tmp_path / "out"))
    assert said.exit_code == 3, said.output
    assert "the cache was not compared with the scans: its cohort is not at hand" in said.output
    assert "Not everything could be checked" in (tmp_path / "out" / "audit.html").read_text()
    content = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert (content["failed"], content["not_checked"]) == (False, True)


def test_strict_takes_what_is_not_checked_for_a_failure(gone: Path, trained: Path) -> None:
    assert call(str(gone), "--strict").exit_code == 1
    assert call(str(trained / "run"), "--strict", *FEWEST).exit_code == 0


def test_a_failure_is_exit_1_whatever_is_not_checked(gone: Path) -> None:
    (gone / "metrics.parquet").unlink()
    assert call(str(gone)).exit_code == 1


def test_reading_no_scan_again_has_to_be_asked_for_and_is_said(trained: Path) -> None:
    said = call(str(trained / "run"), "--reread", "0")
    assert said.exit_code == 3
    assert "the cache was not compared with the scans: --reread 0" in said.output


def test_studies_are_drawn_anew_each_time_or_by_the_seed_that_was_said(trained: Path) -> None:
    opened = Opened(trained / "run")
    list(opened.whole())

    def drawn(seed: int | None = None) -> str:
        return next(reread(opened, 1, seed)).name

    assert drawn() != drawn()
    assert drawn(7) == drawn(7)
    assert "drawn by seed 7" in drawn(7)


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


def test_a_run_of_the_version_before_is_checked_as_far_as_it_goes(run: Path) -> None:
    """Before data.json, studies.parquet, named layers and the keys that came with them."""
    for name in ("data.json", "studies.parquet"):
        (run / name).unlink()
    manifest = json.loads((run / "manifest.json").read_text())
    for key in ("from_scratch", "collapse", "versions", "converged"):
        manifest.pop(key)
    (run / "manifest.json").write_text(json.dumps(manifest, indent=2))
    table = pl.read_parquet(run / "routing.parquet")
    table.drop("layer").write_parquet(run / "routing.parquet")
    said = json.loads(call(str(run), "--json", *FEWEST).stdout)
    by_name = {check["name"]: check for check in said["checks"]}
    assert by_name["data.json from the cohort"]["outcome"] == "NOT CHECKED"
    assert by_name["center of the model from the training scans"]["outcome"] == "PASS"
    assert not [check for check in by_name.values() if "could not be computed" in check["found"]]


def test_a_run_called_an_external_evaluation_is_flagged(run: Path) -> None:
    """It would be spared the checks of training."""
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"external": {"run": None}}))
    said = call(str(run), *FEWEST)
    assert said.exit_code in (1, 3)
    assert "not looked at: config.yaml, data.json, history.parquet" in said.output


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


def test_a_consistency_check_is_audited(whole: Path, tmp_path: Path) -> None:
    before = files_of(whole / "steady")
    said = call(str(whole / "steady"), "-o", str(tmp_path))
    assert said.exit_code == 0, said.output
    assert files_of(whole / "steady") == before
    assert "Audit of the consistency check" in (tmp_path / "audit.html").read_text()


@pytest.mark.parametrize("name", ["contrasts.csv", "consistency.csv"])
def test_tables_that_do_not_say_what_they_are_of_are_exit_2(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a\n1\n")
    error = call(str(tmp_path)).exception
    assert isinstance(error, MolreError)
    assert "made from" in error.message
    assert error.exit_code == 2


@pytest.mark.parametrize("content", ["{", "[]", '{"format_version": 99}', '{"format_version": 1}'])
def test_damaged_sources_are_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "comparison.json").write_text(content)
    assert isinstance(call(str(tmp_path)).exception, MolreError)


def test_the_usual_number_of_draws_is_no_flag_whoever_wrote_it(whole: Path, tmp_path: Path) -> None:
    """Comparisons of another molre may name the number that follows from the contrasts."""
    out = shutil.copytree(whole / "compared", tmp_path / "compared")
    for draws, outcome in ((2000, PASS), (2001, FLAG)):
        comparison = compare(runs_of(out), out, draws=draws)
        write_comparison_report(comparison, out / "report.html")
        checks = {c.name: c.outcome for c in together(out, read_sources(out / COMPARISON))}
        assert checks["settings of the bootstrap"] == outcome
        assert FAIL not in checks.values()
