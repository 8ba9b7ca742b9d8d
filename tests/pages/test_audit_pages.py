"""Audits of a run and of a benchmark in a real browser: what a check found is in sight."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from molre.audit.audit import Audit
from molre.audit.benchmark import BenchAudit
from molre.audit.check import FAIL, FLAG, LEAKAGE, NUMBERS, PASS, Check
from molre.audit.headings import headings
from molre.audit.page import write_bench_audit

NAME = "hf_vit_small_patch14_imgfocus-d74bd2-blocks-molre_random_router-0"
FOUND = "3 of 1,508 differ: macro auc_low is 0.441, recomputed 0.437; " * 3


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``audit.html`` of a benchmark with a failed cell, which has a page of its own."""
    out, run = tmp_path_factory.mktemp("pages"), Path("bench/cells") / NAME
    checks = (
        Check(NUMBERS, "metrics.parquet recomputed", FAIL, FOUND),
        Check(LEAKAGE, "test scans and the backbone's pretraining data", FLAG, "not known"),
    )
    about = {"arm": "molre", "placement": "blocks", "seed": 0, "backbone": "hf:vit"}
    cell = Audit(run, about, True, checks, None, tuple(headings(run)), scans_synthetic=True)
    beside = (Check(NUMBERS, "table.csv from the cells", PASS, "1,404 values agree"),)
    write_bench_audit(BenchAudit(Path("bench"), beside, (cell,)), out)
    return out


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["audit.html", f"cells/{NAME}/audit.html"])
def test_what_was_found_is_in_sight(browser: Browser, pages: Path, name: str, width: int) -> None:
    page: Page = browser.new_page(viewport={"width": width, "height": 844}, bypass_csp=True)
    page.goto((pages / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    edge = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.checks td')]"
        ".map(cell => cell.getBoundingClientRect().right))"
    )
    assert edge <= width
    text = page.inner_text("body")
    for said in ("metrics.parquet recomputed", "auc_low is 0.441, recomputed 0.437", "Synthetic"):
        assert said in text
    page.close()


def test_a_benchmark_s_page_leads_to_the_cell_that_failed(browser: Browser, pages: Path) -> None:
    page: Page = browser.new_page(bypass_csp=True)
    page.goto((pages / "audit.html").as_uri())
    assert "Failed: 1 of 1 cells." in page.inner_text("body")
    page.get_by_role("heading", name=NAME).get_by_role("link").click()
    assert "1 check failed" in page.inner_text("body")
    page.close()
