"""``molre audit`` on every kind of folder: what it ends in, by exit code, and what it says."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from molre.errors import MolreError
from tests.helpers.audit.called import call

FEWEST = ("--reread", "1", "--reread-seed", "1")


@pytest.fixture
def gone(run: Path) -> Path:
    """A run whose cohort is not available."""
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"cohort": "/gone"}, indent=2))
    return run


def test_what_is_not_checked_is_exit_3_and_never_0(gone: Path, tmp_path: Path) -> None:
    said = call(str(gone), "-o", str(tmp_path / "out"))
    assert said.exit_code == 3, said.output
    assert "the cache was not compared with the scans: its cohort is not available" in said.output
    assert "Not everything could be checked" in (tmp_path / "out" / "audit.html").read_text()
    content = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert (content["failed"], content["not_checked"]) == (False, True)


def test_strict_takes_what_is_not_checked_for_a_failure(gone: Path, trained: Path) -> None:
    assert call(str(gone), "--strict").exit_code == 1
    assert call(str(trained / "run"), "--strict", *FEWEST).exit_code == 0


def test_a_failure_is_exit_1_whatever_is_not_checked(gone: Path) -> None:
    (gone / "metrics.parquet").unlink()
    assert call(str(gone)).exit_code == 1


def test_a_run_of_the_version_before_is_checked_as_far_as_it_goes(run: Path) -> None:
    """Before data.json, report.json, studies.parquet, named layers and the keys with them."""
    for name in ("data.json", "report.json", "studies.parquet"):
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
    assert by_name["report.json recomputed"]["outcome"] == "NOT CHECKED"
    assert by_name["center of the model from the training scans"]["outcome"] == "PASS"
    assert not [check for check in by_name.values() if "could not be computed" in check["found"]]


def test_a_run_called_an_external_evaluation_is_flagged(run: Path) -> None:
    """It would be spared the checks of training."""
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"external": {"run": None}}))
    said = call(str(run), *FEWEST)
    assert said.exit_code in (1, 3)
    assert "not examined: config.yaml, data.json, history.parquet" in said.output


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
