from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from molre.evaluation.comparison.compare import Comparison, compare
from molre.output.comparison.report import write_comparison_report
from molre.output.report_json import read_report
from tests.helpers.evaluation.runs import write_run

ARMS = (("frozen", 0.6), ("mlp_matched", 1.2), ("molre", 1.5), ("molre_shuffled", 1.5))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("runs")
    runs = [
        write_run(folder / f"{arm}-{seed}", arm=arm, skill=skill, seed=10 * i + seed, studies=80)
        for i, (arm, skill) in enumerate(ARMS)
        for seed in (0, 1)
    ]
    return compare(runs, folder / "out", draws=100)


def page(comparison: Comparison, folder: Path) -> str:
    write_comparison_report(comparison, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def test_arms_contrasts_and_verdicts_are_there(comparison, tmp_path):
    html = unescape(page(comparison, tmp_path))
    for arm, _ in ARMS:
        assert f"<code>{arm}</code>" in html
    for contrast in comparison.result.contrasts:
        assert contrast.verdict in html
        assert f"<code>{contrast.arm}</code> − <code>{contrast.control}</code>" in html
    assert "gate entropy" in html


@pytest.mark.parametrize(
    ("experts", "said"),
    [
        ((6, 6), "above 0.98 the verdicts"),
        ((48, 48), "above 0.991 the verdicts"),
        ((6, 48), "above 0.98 of 6 experts, 0.991 of 48 experts the verdicts"),
    ],
)
def test_where_gates_count_as_even_is_said_for_the_experts_that_there_are(experts, said, tmp_path):
    runs = [
        write_run(tmp_path / arm, arm=arm, experts=many, seed=i, studies=40)
        for i, (arm, many) in enumerate(zip(("molre", "molre_random_router"), experts, strict=True))
    ]
    html = page(compare(runs, tmp_path / "out", draws=100), tmp_path)
    assert said in html
    shown = [bar for bar in re.findall(r">(0\.\d+)</text>", html) if len(bar) == 5]
    assert len(shown) >= 2 * (max(experts) == 48)  # the third decimal tells routed from even


def test_an_older_comparison_holds_the_same_limit(comparison, tmp_path):
    page(comparison, tmp_path)
    assert read_report(tmp_path / "report.json").context["unrouted"] == 0.98


def test_the_page_says_what_it_does_not_show(comparison, tmp_path):
    html = page(comparison, tmp_path)
    assert "The scans are synthetic." in html
    assert "say nothing about patients" in html
    for note in comparison.notes:
        assert note in html


def test_the_page_stands_alone_and_is_always_the_same(comparison, tmp_path):
    html = page(comparison, tmp_path)
    assert "<script" not in html
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", html)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert ">nan<" not in html
    assert page(comparison, tmp_path) == html


def test_a_comparison_without_contrasts_or_endpoint_has_a_page(tmp_path):
    runs = [write_run(tmp_path / f"molre-{seed}", seed=seed, studies=12) for seed in (0, 1)]
    html = page(compare(runs, tmp_path, draws=50), tmp_path)
    assert "Nothing to compare" in html
    assert ">nan<" not in html


def test_an_empty_endpoint_is_said_to_be_not_estimable(tmp_path):
    runs = [write_run(tmp_path / arm, arm=arm, studies=12) for arm in ("frozen", "molre")]
    html = page(compare(runs, tmp_path, draws=50), tmp_path)
    assert "not estimable: no finding has ten positive and ten negative patients" in html
