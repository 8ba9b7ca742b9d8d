from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from molre.cli import compare, evaluate
from molre.errors import MolreError
from tests.helpers.evaluation.runs import write_run


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    return [
        str(write_run(tmp_path / arm, arm=arm, seed=i, skill=0.6 + i))
        for i, arm in enumerate(("frozen", "molre"))
    ]


def call(module, *arguments: str):
    app = typer.Typer()
    app.command()(module.command)
    return CliRunner().invoke(app, list(arguments))


def test_evaluate_writes_both_files_and_says_where(runs):
    said = call(evaluate, runs[1])
    assert said.exit_code == 0
    assert "synthetic test studies" in said.output
    assert (Path(runs[1]) / "metrics.parquet").is_file()
    assert (Path(runs[1]) / "report.html").is_file()


@pytest.mark.parametrize(("unread", "code"), [(0, 0), (2, 1)])
def test_scans_of_an_external_cohort_that_could_not_be_read_are_exit_code_1(
    runs, unread: int, code: int
) -> None:
    manifest = Path(runs[0]) / "manifest.json"
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(facts | {"external": {"not_read": unread, "said": "."}}))
    assert call(evaluate, runs[0]).exit_code == code


def test_evaluate_speaks_json(runs):
    rows = json.loads(call(evaluate, runs[0], "--json").output)
    assert rows[-1]["finding"] == "macro"
    assert rows[3]["auc"] is None


def test_compare_writes_four_files_and_prints_the_table(runs, tmp_path):
    said = call(compare, *runs, "-o", str(tmp_path / "out"))
    assert said.exit_code == 0
    assert "molre minus frozen" in said.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {"comparison.csv", "comparison.json", "contrasts.csv"}
    assert names == tables | {"report.html", "report.json"}


def test_compare_speaks_json(runs, tmp_path):
    rows = json.loads(call(compare, *runs, "-o", str(tmp_path / "out"), "--json").output)
    assert rows[0]["control"] == "frozen"


def test_a_broken_run_ends_in_a_sentence(runs):
    (Path(runs[0]) / "predictions.parquet").write_bytes(b"PAR1")
    said = call(evaluate, runs[0])
    assert isinstance(said.exception, MolreError)


def test_evaluate_says_in_words_that_there_is_no_macro_auc(tmp_path):
    said = call(evaluate, str(write_run(tmp_path / "few", studies=12)))
    assert said.exit_code == 0
    assert "no macro AUC: no finding has ten positive and ten negative patients" in said.output
    assert "–" not in said.output


def test_compare_says_why_a_backbone_with_one_arm_has_no_contrast(runs, tmp_path):
    other = write_run(tmp_path / "vit", seed=7, backbone={"name": "vit", "parameters": 1})
    said = call(compare, *runs, str(other), "-o", str(tmp_path / "out"))
    assert "vit, slice: only molre was given" in " ".join(said.output.split())
