"""A page and its data against the same made again: what differs, named by its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from molre.audit.check import FAIL, NOT_CHECKED, PASS
from molre.audit.report_differences import RENDERED, report
from molre.output.report_json import sha256, write_report

SHOWN = {"title": "Reader 0.91", "findings": [{"name": "Midline shift", "auc": "0.843"}]}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """As found, and made again; they are alike."""
    for name in ("stored", "again"):
        written(tmp_path / name, SHOWN)
    return tmp_path / "stored", tmp_path / "again"


def written(folder: Path, context: dict[str, Any]) -> None:
    write_report(folder / "report.html", "base.html.j2", context)


def data(folder: Path, **changed: object) -> None:
    path = folder / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def page(folder: Path, old: str, new: str) -> str:
    path = folder / "report.html"
    path.write_text(path.read_text().replace(old, new))
    return path.read_text()


def outcomes(folders: tuple[Path, Path], *without: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    checks = report(*folders, "recomputed", "molre evaluate", without)
    return {check.name: (check.outcome, check.found) for check in checks}


def test_alike_they_pass(folders):
    found = outcomes(folders)
    assert [outcome for outcome, _ in found.values()] == [PASS, PASS]


def test_a_word_of_the_page_alone_is_named_by_its_line(folders):
    page(folders[0], "Reader 0.91", "Reader 0.99")
    found = outcomes(folders)
    assert found["report.json recomputed"][0] == PASS
    outcome, said = found[RENDERED]
    assert outcome == FAIL
    assert "SHA-256" in said
    assert "Reader 0.99" in said
    assert "Reader 0.91" in said


def test_a_page_with_a_new_hash_is_still_not_what_its_data_give(folders):
    data(folders[0], page_sha256=sha256(page(folders[0], "0.91", "0.99")))
    assert outcomes(folders)[RENDERED][0] == FAIL


def test_page_and_data_changed_together_are_found_by_recomputing(folders):
    better = [{"name": "Midline shift", "auc": "0.912"}]
    written(folders[0], SHOWN | {"findings": better})
    found = outcomes(folders)
    assert found[RENDERED][0] == PASS
    assert found["report.json recomputed"] == (
        FAIL,
        "1 of 3 differ: findings, Midline shift, auc is 0.912, recomputed 0.843",
    )


def test_a_page_of_another_molre_needs_its_hash_and_is_no_more_checked(folders):
    data(folders[0], molre_version="0.0.7")
    outcome, said = outcomes(folders)[RENDERED]
    assert outcome == NOT_CHECKED
    assert "rendered by molre 0.0.7" in said
    assert "run `molre evaluate` again" in said
    page(folders[0], "0.91", "0.99")
    assert outcomes(folders)[RENDERED][0] == FAIL


def test_what_was_written_before_there_were_data_is_not_checked_and_says_so(folders):
    (folders[0] / "report.json").unlink()
    ((outcome, said),) = outcomes(folders).values()
    assert outcome == NOT_CHECKED
    assert said.startswith("written before report.json")
    assert "run `molre evaluate` again" in said


def test_a_page_that_is_gone_or_no_text_fails(folders):
    (folders[0] / "report.html").write_bytes(b"\xff\xfe")
    assert outcomes(folders)[RENDERED] == (FAIL, "not readable as text")
    (folders[0] / "report.html").unlink()
    assert outcomes(folders)[RENDERED][0] == FAIL


@pytest.mark.parametrize("changed", [{"format_version": 99}, {"context": None}])
def test_damaged_or_newer_data_fail_in_a_sentence(folders, changed):
    data(folders[0], **changed)
    assert outcomes(folders)["report.json recomputed"][0] == FAIL


def test_data_that_no_template_can_take_fail(folders):
    data(folders[0], context={})
    assert "cannot be rendered" in outcomes(folders)[RENDERED][1]


def test_example_cases_whose_scans_are_gone_are_left_out_and_said(folders):
    written(folders[0], SHOWN | {"examples": [{"finding": "Midline shift"}]})
    written(folders[1], SHOWN | {"examples": []})
    found = outcomes(folders)
    assert found["report.json recomputed: example cases"][0] == NOT_CHECKED
    assert found["report.json recomputed"][0] == PASS


def test_what_needs_the_cohort_is_left_out_by_its_place_and_nothing_else(folders):
    card = [{"name": "Use", "text": "a"}, {"name": "Subgroups", "text": "b"}]
    written(folders[0], SHOWN | {"cautions": ["one"], "sections": {"a": 1, "b": 2}, "card": card})
    written(folders[1], SHOWN | {"cautions": [], "sections": {"a": 1}, "card": card[:1]})
    places = (("cautions",), ("sections", "b"), ("card", "Subgroups"))
    name = "report.json recomputed, but for what needs the cohort"
    assert outcomes(folders, *places)[name][0] == PASS
    written(folders[1], SHOWN | {"cautions": [], "sections": {"a": 2}, "card": card[:1]})
    assert outcomes(folders, *places)[name][1].endswith("sections, a is 1, recomputed 2")


def test_without_a_page_and_its_data_there_is_nothing_to_check(folders):
    for name in ("report.html", "report.json"):
        (folders[0] / name).unlink()
    assert {name: outcome for name, (outcome, _) in outcomes(folders).items()} == {
        RENDERED: NOT_CHECKED
    }


@pytest.mark.parametrize("kept", ["report.json", "nothing, but a card shows the numbers"])
def test_a_page_that_has_been_there_has_to_be_there(folders, kept):
    for name in {"report.html", "report.json"} - {kept}:
        (folders[0] / name).unlink()
    shown = kept != "report.json"
    checks = list(report(*folders, "recomputed", "molre evaluate", shown=shown))
    assert (RENDERED, FAIL) in [(check.name, check.outcome) for check in checks]
