from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.rejects import Rejected, write_rejects
from molre.cohort.scans import table
from molre.output import cohort_html
from molre.output.cohort_html import write_contact_sheet


def row(study: str, chosen: bool = True, **other: object) -> dict[str, object]:
    return {
        "patient": f"patient {study}",
        "study": study,
        "series": f"{study} {chosen}",
        "path": f"/scans/{study}",
        "slices": 28,
        "chosen": chosen,
        "reason": "soft kernel" if chosen else "bone kernel",
        "notes": ["gantry tilt kept"],
        "head": chosen or None,
        "head_reasons": [],
        **other,
    }


def sheet(
    folder: Path, rows: list[dict[str, object]], rejects: list[Rejected], **facts: bool
) -> Path:
    write_table(folder / "scans.parquet", table(rows))
    write_facts(folder, synthetic=facts.get("synthetic", False))
    write_rejects(folder / "rejects.csv", rejects)
    return write_contact_sheet(Cohort(folder))


def test_each_study_says_what_was_chosen_repaired_and_refused(tmp_path: Path):
    rows = [
        row("aa", step_mm=4.0, even=False, tilt=18.5),
        row("aa", chosen=False),
        row("bb", head=False, head_reasons=["no brain inside"]),
    ]
    rejects = [
        Rejected("/scans/aa/scout", "aa", "a localizer", "nothing", lost=False),
        Rejected("/scans/x.dcm", "", "is empty", "copy it again"),
    ]
    page = sheet(tmp_path, rows, rejects).read_text(encoding="utf-8")
    for said in ("soft kernel", "bone kernel", "gantry tilt kept", "18.5°", "median 4.00"):
        assert said in page
    for said in ("no brain inside", "aa/scout", "a localizer", "copy it again", "Will be withheld"):
        assert said in page
    assert page.count("<article") == page.count("<img") == 2
    assert 'alt="9 of 28 slices of scans/aa' in page
    assert "research use only" in page.lower()
    assert '<p class="banner">' not in page


def test_a_page_asks_nothing_of_anyone_else_and_runs_no_script(tmp_path: Path):
    page = sheet(tmp_path, [row("aa")], []).read_text(encoding="utf-8")
    assert re.findall(r'src="([^"]*)"', page) == ["sheet/aa.jpg"]
    assert "http:" not in page
    assert "https:" not in page
    assert "<script" not in page


def test_names_are_escaped_and_synthetic_cohorts_say_so(tmp_path: Path):
    rows = [row("aa", path="/scans/<b>x", kernel="<i>")]
    page = sheet(tmp_path, rows, [], synthetic=True).read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "<i>" not in page
    assert "Synthetic" in page


def test_a_cohort_where_all_was_refused_still_has_a_page(tmp_path: Path):
    page = sheet(tmp_path, [], [Rejected("a", "", "is empty", "copy it")]).read_text()
    assert "No study could be used" in page
    assert "is empty" in page


def test_a_large_cohort_gets_several_pages(tmp_path: Path):
    many = cohort_html.PER_PAGE + 1
    first = sheet(tmp_path, [row(f"{i:04d}") for i in range(many)], [])
    assert first.read_text().count("<article") == cohort_html.PER_PAGE
    assert (tmp_path / "index-2.html").read_text().count("<article") == 1
    sheet(tmp_path, [row("aa")], [])
    assert not (tmp_path / "index-2.html").exists()
    assert pl.read_parquet(tmp_path / "scans.parquet").height == 1
