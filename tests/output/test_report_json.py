"""report.json: a page is rendered from it, it keeps the page's hash, and it is plain data."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.evaluation.comparison.compare import compare
from molre.evaluation.evaluate import evaluate
from molre.output.benchmark.report import write_benchmark_report
from molre.output.comparison.report import write_comparison_report
from molre.output.report_json import FORMAT_VERSION, read_report, write_report
from molre.output.run.report import write_run_report
from tests.helpers.evaluation.runs import write_run
from tests.helpers.output.benchmark_tables import TABLE

BASE = "base.html.j2"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of each kind that is audited."""
    folder = tmp_path_factory.mktemp("pages")
    runs = [
        write_run(folder / f"{arm}-{i}", arm=arm, seed=i, studies=40)
        for i, arm in enumerate(("frozen", "molre"))
    ]
    write_run_report(evaluate(runs[1], draws=50), folder / "run.html")
    write_comparison_report(compare(runs, folder / "out", draws=50), folder / "comparison.html")
    write_benchmark_report(TABLE, folder / "benchmark.html")
    return folder


@pytest.mark.parametrize("kind", ["run", "comparison", "benchmark"])
def test_the_page_is_what_the_data_give_and_the_data_keep_its_hash(pages: Path, kind: str) -> None:
    page, told = pages / f"{kind}.html", read_report(pages / f"{kind}.json")
    assert told.rendered() == page.read_text(encoding="utf-8")
    assert told.page_sha256 == hashlib.sha256(page.read_bytes()).hexdigest()
    content = json.loads((pages / f"{kind}.json").read_text(encoding="utf-8"))
    assert content["format_version"] == FORMAT_VERSION


def test_numbers_of_a_page_are_in_its_data(pages: Path) -> None:
    evaluation = evaluate(pages / "molre-1", draws=50)
    rows = read_report(pages / "run.json").context["findings"]
    assert [row["n"] for row in rows] == [one.support.n for one in evaluation.findings]
    scored = [one.auc.value for one in evaluation.findings if one.auc is not None]
    assert [float(row["auc"]) for row in rows if row["scored"]] == pytest.approx(scored, abs=6e-4)


def test_a_page_names_the_molre_that_rendered_it(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", BASE, {"title": "a page"})
    path = tmp_path / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"molre_version": "0.0.7"}))
    assert "Made by molre 0.0.7." in read_report(path).rendered()


@pytest.mark.parametrize(
    ("value", "error"), [(float("nan"), ValueError), (float("inf"), ValueError), ({1}, TypeError)]
)
def test_what_is_not_plain_data_is_not_written(
    tmp_path: Path, value: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        write_report(tmp_path / "report.html", BASE, {"title": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format_version": FORMAT_VERSION + 1}, "is newer than this molre"),
        ({"format_version": None}, "newer"),
        ({"context": []}, "not readable"),
    ],
)
def test_a_newer_or_damaged_file_is_refused_in_a_sentence(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    write_report(tmp_path / "report.html", BASE, {"title": "a page"})
    path = tmp_path / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(MolreError, match=said):
        read_report(path)
    path.write_text("[]")
    with pytest.raises(MolreError, match="not readable"):
        read_report(path)
