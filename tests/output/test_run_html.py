from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from runs import write_run

from molre.evaluation.evaluate import evaluate
from molre.output.charts import attention_bars
from molre.output.example import Example
from molre.output.run_html import write_run_report

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def page(run: Path, examples: tuple[Example, ...] = ()) -> str:
    write_run_report(evaluate(run, draws=100), run / "report.html", examples)
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", studies=80)


def test_the_page_has_every_part(run):
    html = page(run)
    for part in ("Findings", "Reliability", "Training", "What the router does"):
        assert f"<h2>{part}</h2>" in html
    assert html.count("<svg") == 5
    assert "too few" in html
    assert "Synthetic" in html


def test_every_number_names_its_n(run):
    html = page(run)
    evaluation = evaluate(run, draws=100)
    for result in evaluation.findings:
        assert f"({result.support.positives}/{result.support.n})" in html
    assert ">nan<" not in html


def test_the_page_needs_nothing_from_outside(run):
    html = page(run)
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", html)
    assert "<script" not in html


def test_ids_of_the_charts_do_not_clash(run):
    ids = re.findall(r'\sid="([^"]+)"', page(run))
    assert len(ids) == len(set(ids))


def test_the_same_run_gives_the_same_page(run):
    assert page(run) == page(run)


def test_a_real_run_has_no_synthetic_banner(tmp_path):
    assert "Synthetic" not in page(write_run(tmp_path / "run", synthetic=False))


def test_an_arm_without_router_history_or_endpoint_still_has_a_page(tmp_path):
    run = write_run(tmp_path / "run", arm="frozen", studies=12)
    (run / "history.parquet").unlink()
    html = page(run)
    assert "there is no macro AUC" in html
    assert "What the router does" not in html


def test_the_curve_is_that_of_the_learning_rate_that_was_kept(run):
    html = page(run)
    history = pl.read_parquet(run / "history.parquet")
    history.filter(pl.col("learning_rate") == 3e-3).write_parquet(run / "history.parquet")
    assert page(run) == html


def test_gates_without_entropy_history_are_no_hindrance(run):
    history = pl.read_parquet(run / "history.parquet")
    history.with_columns(gate_entropy=pl.lit(None, dtype=pl.Float64)).write_parquet(
        run / "history.parquet"
    )
    assert "Training" in page(run)


def test_examples_are_drawn_and_escaped(run):
    example = Example(
        title="study <b>1</b>",
        finding="Midline shift",
        probability=0.4321,
        pictures=[("slice 14, brain", PIXEL)],
        bars=attention_bars([0.1, 0.7, 0.2], key=1),
    )
    html = page(run, (example,))
    assert f'src="{PIXEL}"' in html
    assert "0.43" in html
    assert 'class="attention"' in html
    assert "study &lt;b&gt;1&lt;/b&gt;" in html
