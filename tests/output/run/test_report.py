from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import sync_playwright

from molre.evaluation.evaluate import evaluate
from molre.output.charts import attention_bars
from molre.output.example import Example
from molre.output.run.report import write_run_report
from tests.helpers.evaluation.runs import write_run
from tests.helpers.output.drawn_once import drawn_once, forget

# contrast (WCAG 2.2, 1.4.3) of each element with text of its own, against what lies behind it
CONTRAST = """() => {
  const rgb = s => s.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92
    : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0)
      return c.slice(0, 3); } return [255, 255, 255]; };
  const written = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll('main *:not(svg *), footer')].filter(written).map(e => {
    const [a, b] = [rgb(getComputedStyle(e).color).slice(0, 3), behind(e)].map(light);
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 80)]; });
}"""
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def page(run: Path, examples: tuple[Example, ...] = ()) -> str:
    write_run_report(evaluate(run, draws=100), run / "report.html", examples)
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def charts() -> Iterator[None]:
    """The tests change a part of the same run; the charts of the others are as they were."""
    with drawn_once():
        yield


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", studies=80)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, which nobody changes."""
    return write_run(tmp_path_factory.mktemp("kept") / "run", studies=80)


@pytest.fixture(scope="module")
def html(kept: Path) -> str:
    return page(kept)


def test_the_page_has_every_part(html):
    parts = ("Findings", "Reliability", "Training", "Decisions", "If the model may abstain")
    for part in (*parts, "What the router does"):
        assert f"<h2>{part}</h2>" in html
    assert html.count("<svg") == 7
    assert "too few" in html
    assert "Synthetic" in html


def test_every_number_names_its_n(kept, html):
    evaluation = evaluate(kept, draws=100)
    for result in evaluation.findings:
        assert f"({result.support.positives}/{result.support.n})" in html
    assert ">nan<" not in html


def test_the_page_needs_nothing_from_outside(html):
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", html)
    assert "<script" not in html


LAYERS = tuple(f"encoder.layer.{i}.attention.{p}" for i in (10, 11) for p in ("query", "value"))


def test_every_adapted_layer_has_its_row_and_only_the_planted_one_stands_out(tmp_path):
    routers = {
        name: {"expert_similarity": 0.1 * i, "mean_load": [1 / 6] * 6, "collapsed": False}
        for i, name in enumerate(LAYERS)
    }
    run = write_run(tmp_path / "run", studies=80, layers=LAYERS, routers=routers)
    html = page(run)
    summary = evaluate(run, draws=100).routing
    row = r'<tr><td class="number">\d</td><td class="nowrap" title="(.*?)</tr>'
    rows = re.findall(row, html)
    assert [row.split('"')[0] for row in rows] == list(LAYERS)
    for i, row in enumerate(rows):
        assert f"<code>{LAYERS[i].removeprefix('encoder.layer.')}</code>" in row
        cells = [re.sub("<.*?>", "", cell) for cell in row.split("</td>")]
        assert cells[3] == f"{0.1 * i:.2f}"
        assert cells[6] == f"{summary.critical[i]:.1f}"
        assert (cells[9] != "0") == (i == 3)
    assert "expert 1, Subdural" in rows[3]


def test_collapse_in_training_is_told(tmp_path):
    found = [{"learning_rate": 1e-3, "epoch": 4, "what": "one expert took 0.97 of the load"}]
    html = page(write_run(tmp_path / "run", collapse=found))
    assert "At learning rate 0.001, the one that was kept, the experts had collapsed" in html
    assert "one expert took 0.97 of the load, three epochs in a row" in html
    assert "had collapsed" not in page(write_run(tmp_path / "healthy", collapse=[]))


@pytest.fixture(scope="module")
def illustrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with an image."""
    run = write_run(tmp_path_factory.mktemp("illustrated") / "run", studies=80)
    example = Example(
        title="study <b>1</b>",
        finding="Midline shift",
        probability=0.4321,
        pictures=[("slice 14, brain", PIXEL)],
        bars=attention_bars([0.1, 0.7, 0.2], key=1),
    )
    page(run, (example,))
    return run / "report.html"


@pytest.mark.parametrize("width", [1300, 390])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_router_over_48_experts_fits_the_screen_and_can_be_read(tmp_path, scheme, width):
    run = write_run(tmp_path / "run", studies=80, experts=48)
    html = page(run)
    assert "Dotted: found; 1 of 144 cells are." in html
    assert "Used most: expert 1 (" in html
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or "chromium"
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        shown = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        shown.goto((run / "report.html").as_uri())
        wide = shown.evaluate("document.documentElement.scrollWidth")
        contrasts = shown.evaluate(CONTRAST)
        letters = shown.evaluate(
            "[...document.querySelectorAll('.chart.wide svg text')]"
            ".map(e => e.getBoundingClientRect().height).filter(h => h)"
        )
        tall = shown.evaluate(
            "Math.max(...[...document.querySelectorAll('.chart')].map(e => e.clientHeight))"
        )
        browser.close()
    assert wide <= width
    assert [text for contrast, text in contrasts if contrast < 4.5] == []
    assert min(letters) >= 10  # pixels; those of a section that is folded have none
    assert tall < 600


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_can_be_read_in_dark_and_in_light(illustrated, scheme):
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or "chromium"
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        shown = browser.new_page(color_scheme=scheme)
        shown.goto(illustrated.as_uri())
        contrasts = shown.evaluate(CONTRAST)
        ground = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        browser.close()
    assert len(contrasts) > 50
    assert (ground == "rgb(18, 23, 28)") == (scheme == "dark")
    assert [text for contrast, text in contrasts if contrast < 4.5] == []


def test_ids_of_the_charts_do_not_clash(html):
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_the_same_run_gives_the_same_page(kept, html):
    forget()
    assert page(kept) == html


def test_a_real_run_has_no_synthetic_banner(tmp_path):
    assert "Synthetic" not in page(write_run(tmp_path / "run", synthetic=False))


def test_an_arm_without_router_history_or_endpoint_still_has_a_page(tmp_path):
    run = write_run(tmp_path / "run", arm="frozen", studies=12)
    (run / "history.parquet").unlink()
    html = page(run)
    assert "there is no macro AUC" in html
    assert "What the router does" not in html


def test_the_curve_is_that_of_the_learning_rate_that_was_kept(run, html):
    history = pl.read_parquet(run / "history.parquet")
    history.filter(pl.col("learning_rate") == 3e-3).write_parquet(run / "history.parquet")
    assert page(run) == html


def test_gates_without_entropy_history_are_no_hindrance(run):
    history = pl.read_parquet(run / "history.parquet")
    history.with_columns(gate_entropy=pl.lit(None, dtype=pl.Float64)).write_parquet(
        run / "history.parquet"
    )
    assert "Training" in page(run)


def test_examples_are_drawn_and_escaped(illustrated):
    html = illustrated.read_text(encoding="utf-8")
    assert f'src="{PIXEL}"' in html
    assert "0.43" in html
    assert 'class="attention"' in html
    assert "study &lt;b&gt;1&lt;/b&gt;" in html


def test_what_a_run_lacks_for_a_section_is_said(run):
    (run / "studies.parquet").unlink()
    table = pl.read_parquet(run / "predictions.parquet")
    table.filter(pl.col("split") != "calibrate").write_parquet(run / "predictions.parquet")
    html = page(run)
    assert "Not shown: predictions.parquet has no calibrate split" in html
    assert "Not shown: the cohort that manifest.json names is not there" in html
    assert "train it again to get them" in html  # distances
    assert not (run / "operating_points.parquet").exists()


def test_cautions_come_before_the_numbers(tmp_path):
    html = page(write_run(tmp_path / "run", pretraining="head CT of ten hospitals"))
    caution = html.index("pretrained on head CT of ten hospitals")
    assert caution < html.index("<h2>Findings</h2>")


def test_what_training_left_open_is_told_first(tmp_path, html):
    left = page(write_run(tmp_path / "run", rate_at_edge=True, converged=False))
    assert "at the edge of the grid that was tried" in left
    assert "Not converged: training ran out of budget" in left
    assert "edge of the grid" not in html
    assert "Not converged" not in html


def test_slope_and_ece_are_not_given_for_few_patients_and_stand_beside_chance_for_many(
    tmp_path, html
):
    assert "slope and ECE are not given below 200 patients" in html
    assert "<small>chance" not in html
    many = page(write_run(tmp_path / "many", studies=220))
    assert many.count("<small>chance 0.") >= 3  # ECE of each scored finding
    assert "by chance up to" in many


def test_findings_with_the_same_labels_are_said_to_count_once(tmp_path):
    run = write_run(tmp_path / "run", studies=80)
    table = pl.read_parquet(run / "predictions.parquet")
    first, second, *_ = table["finding"].unique(maintain_order=True)
    same = table.filter(pl.col("finding") == first).select("study", twin="label")
    table = table.join(same, on="study", how="left", maintain_order="left")
    label = pl.when(pl.col("finding") == second).then("twin").otherwise("label")
    table.with_columns(label=label).drop("twin").write_parquet(run / "predictions.parquet")
    html = page(run)
    assert "Macro AUC, 2 distinct of 3 findings" in html
    metrics = pl.read_parquet(run / "metrics.parquet")
    assert metrics["status"][-1] == "mean of 2 distinct of 3 findings"
    aucs = metrics["auc"].to_list()
    assert aucs[-1] == pytest.approx(((aucs[0] + aucs[1]) / 2 + aucs[2]) / 2)
