"""A benchmark's report in a real browser, wide and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from molre.output.benchmark.report import write_benchmark_report
from tests.helpers.output.benchmark_tables import TABLE

WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}


@pytest.fixture(params=list(WIDTHS))
def page(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    write_benchmark_report(TABLE, tmp_path / "report.html")
    width, height = WIDTHS[request.param]
    shown = browser.new_page(viewport={"width": width, "height": height}, bypass_csp=True)
    shown.problems = []  # type: ignore[attr-defined]
    shown.on("pageerror", lambda e: shown.problems.append(str(e)))
    shown.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else shown.problems.append(r.url),
    )
    shown.goto((tmp_path / "report.html").as_uri())
    yield shown
    shown.close()


def test_it_opens_fits_the_screen_and_can_be_read(page: Page) -> None:
    assert page.problems == []  # type: ignore[attr-defined]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("svg").count() == 1
    text = page.inner_text("body")
    for said in ("Synthetic", "capacity, not routing", "not converged", "trained from scratch"):
        assert said in text
    small = page.evaluate(
        "[...document.querySelectorAll('td')].filter(e => e.offsetWidth)"
        ".filter(e => parseFloat(getComputedStyle(e).fontSize) < 12).length"
    )
    assert small == 0


def test_every_number_has_its_name_beside_or_above_it(page: Page) -> None:
    cell = page.locator("table.cards tbody td", has_text="0.801 to 0.880").first
    head = page.locator("table.cards thead").first
    if head.is_visible():
        assert "Macro AUC" in head.inner_text()
    else:
        label = cell.evaluate("e => getComputedStyle(e, '::before').content")
        assert label == '"Macro AUC"'
