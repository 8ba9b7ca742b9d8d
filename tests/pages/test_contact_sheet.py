"""The contact sheet of a large cohort in a real browser: filters, pages, and hostile names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from experiments.contact_sheet_10000 import study
from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.rejects import write_rejects
from molre.cohort.scans import table
from molre.output.cohort.report import PER_PAGE, write_contact_sheet

STUDIES = 1000
HOSTILE = "</script><img src=x onerror=window.caught=1>\u2028<script>window.caught=1</script>"


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    import random

    chance = random.Random(1)
    rows = [row for number in range(STUDIES) for row in study(number, chance)]
    rows[0] |= {"path": f"/archive/{HOSTILE}", "notes": [HOSTILE], "reason": HOSTILE}
    rows[0] |= {"flags": ["motion"], "flag_words": [f'" onmouseover="{HOSTILE}']}
    return rows


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory, rows: list[dict]) -> Path:
    from PIL import Image

    folder = tmp_path_factory.mktemp("sheet")
    (folder / "sheet").mkdir()
    for key in {row["study"] for row in rows}:
        Image.new("L", (9, 3)).save(folder / "sheet" / f"{key}.jpg")
    write_table(folder / "scans.parquet", table(rows))
    write_rejects(folder / "rejects.csv", [])
    write_facts(folder, synthetic=True)
    return write_contact_sheet(Cohort(folder))


@pytest.fixture
def page(browser: Browser, sheet: Path) -> Iterator[Page]:
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.on("request", lambda r: None if r.url.startswith("file:") else problems.append(r.url))
    page.goto(sheet.as_uri())
    yield page
    assert [p for p in problems if p != "data:,"] == []
    page.close()


def keys(page: Page) -> list[str]:
    return page.eval_on_selector_all("article", "all => all.map(one => one.id)")


def chosen(rows: list[dict], mark: str) -> set[str]:
    return {row["study"] for row in rows if row["chosen"] and mark in row["flags"]}


def said(page: Page) -> str:
    return page.inner_text("#controls .found")


def test_a_flag_filters_across_all_pages(page: Page, rows: list[dict]) -> None:
    wanted = chosen(rows, "motion")
    assert PER_PAGE < len(wanted) < STUDIES
    page.click("button[value=motion]")
    assert said(page) == f"1 to {PER_PAGE} of {len(wanted)} studies"
    seen = keys(page)
    page.click("[data-step='1']")
    assert {*seen, *keys(page)} == wanted
    both = wanted & chosen(rows, "noisy")
    page.click("button[value=noisy]")
    assert set(keys(page)) == both


def test_withheld_and_repaired_filter_too(page: Page, rows: list[dict]) -> None:
    repaired = {row["study"] for row in rows if row["notes"]}
    page.click("button[value=repaired]")
    assert said(page).endswith(f" of {len(repaired)} studies")
    page.click("button[value=withheld]")
    shown = page.locator("article .badge.warn").all_inner_texts()
    assert shown == ["Will be withheld"] * len(keys(page))
    assert set(keys(page)) <= repaired


def test_find_goes_by_path_and_by_key(page: Page, rows: list[dict]) -> None:
    page.fill("[name=find]", "STUDY_000123/")
    assert len(keys(page)) == 1
    assert "study_000123" in page.text_content("article .where")
    page.fill("[name=find]", rows[-1]["study"])
    assert keys(page) == [rows[-1]["study"]]
    page.fill("[name=find]", "no such thing")
    assert keys(page) == []
    assert said(page) == "No study matches."


def test_sorting_brings_the_lowest_score_first(page: Page, rows: list[dict]) -> None:
    page.select_option("[name=sort]", "score")
    scores = {row["study"]: row["score"] for row in rows if row["chosen"]}
    assert [scores[key] for key in keys(page)] == sorted(scores.values())[:PER_PAGE]


def test_pages_and_the_address_that_keeps_them(page: Page, sheet: Path, rows: list[dict]) -> None:
    page.fill("[name=page]", "3")
    page.keyboard.press("Enter")
    third = keys(page)
    assert len(third) == PER_PAGE
    page.goto("about:blank")
    page.goto(f"{sheet.as_uri()}#page=3")
    assert keys(page) == third
    page.goto("about:blank")
    page.goto(f"{sheet.as_uri()}#{third[7]}")
    assert keys(page) == third


def test_the_keyboard_reaches_every_control(page: Page) -> None:
    reached = []
    page.focus("[name=find]")
    for _ in range(40):
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.value"))
        page.keyboard.press("Tab")
    assert {"find", "sort", "page", "withheld", "repaired", "motion"} <= set(reached)
    page.focus("button[value=motion]")
    page.keyboard.press("Space")
    assert page.get_attribute("button[value=motion]", "aria-pressed") == "true"
    assert "of 1,000" not in said(page)


def without_space(html: str) -> str:
    return re.sub(r"\s+(?=<)|(?<=>)\s+", "", html).replace("&nbsp;", "\xa0")


def test_script_and_page_draw_the_same_article(page: Page) -> None:
    drawn = "document.getElementById('studies').innerHTML"
    written = without_space(page.evaluate(drawn))
    first = page.evaluate(drawn)
    changed = f"html => {drawn} !== html"
    page.click("[data-step='1']")
    page.wait_for_function(changed, arg=first)
    second = page.evaluate(drawn)
    page.click("[data-step='-1']")
    page.wait_for_function(changed, arg=second)
    again = without_space(page.evaluate(drawn))
    assert re.sub(r"--share: ?([\d.]+);?", r"--share: \1", again) == re.sub(
        r"--share: ?([\d.]+);?", r"--share: \1", written
    )


def test_hostile_names_stay_text(page: Page, rows: list[dict]) -> None:
    page.fill("[name=find]", rows[0]["study"])
    page.wait_for_timeout(50)
    assert page.evaluate("window.caught") is None
    page.click("article .where summary")
    assert "<script>" in page.inner_text("article .where")
    assert page.locator("article script, article [onerror], article [onmouseover]").count() == 0


def test_without_script_the_first_page_is_there(browser: Browser, sheet: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(sheet.as_uri())
    assert page.locator("article").count() == PER_PAGE
    assert not page.is_visible("#controls")
    assert f"the first {PER_PAGE} of 1,000 studies" in page.inner_text("noscript")
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
