from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.rejects import Rejected, write_rejects
from molre.cohort.scans import SCHEMA, table
from molre.output.cohort import report
from molre.output.cohort.cards import cards
from molre.output.cohort.report import write_contact_sheet


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
    for said in (
        "no brain inside",
        "1 file or",
        "a localizer",
        "copy it again",
        "Will be withheld",
    ):
        assert said in page
    assert page.count("<article") == page.count("<img") == 2
    assert 'alt="9 of 28 slices of aa,' in page
    assert "research use only" in page.lower()
    assert '<p class="banner">' not in page


def test_flags_are_badges_with_their_sentence_and_scores_are_stated(tmp_path: Path):
    flags = {"flags": ["motion", "thick_slices"], "flag_words": ["slice 9 is shifted", "7 mm"]}
    rows = [row("aa", score=9.25, **flags), row("aa", chosen=False, score=4.5)]
    page = sheet(tmp_path, rows, []).read_text(encoding="utf-8")
    assert '<span class="badge flag" title="slice 9 is shifted">Motion</span>' in page
    assert '<span class="remedy">: 7 mm</span>' in page
    assert "score 9.25: soft kernel" in page
    assert "score 4.50: bone kernel" in page
    assert 'value="thick_slices">Thick slices <span>1</span>' in page


def test_a_table_from_before_the_flags_is_shown_all_the_same(tmp_path: Path):
    sheet(tmp_path, [row("aa")], [])
    old = pl.read_parquet(tmp_path / "scans.parquet").drop("flags", "flag_words", "score")
    write_table(tmp_path / "scans.parquet", old)
    assert "soft kernel" in write_contact_sheet(Cohort(tmp_path)).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("known", "says"),
    [({"head": False, "head_reasons": ["no brain"]}, "no brain"), ({"contrast": True}, "contrast"),
     ({"age": 9.0}, "age 9 is outside the range"), ({"head": False}, "head check")],
)  # fmt: skip
def test_what_withholds_a_prediction_is_said_beforehand(tmp_path: Path, known, says):
    page = sheet(tmp_path, [row("aa", **known)], []).read_text(encoding="utf-8")
    (title,) = re.findall(r'<span class="badge warn" title="([^"]*)">Will be withheld', page)
    assert says in title


def test_a_phantom_says_which_models_withhold_it_and_is_not_counted(tmp_path: Path):
    card = next(cards([full_row(synthetic=True)], []))
    (section,) = (part for part in card.sections if "model of patients" in part.title)
    assert [line.text for line in section.lines] == [
        "a synthetic phantom, and the model was trained on patients"
    ]
    assert "withheld" not in card.marks
    patient = next(cards([full_row(synthetic=False)], []))
    assert not any("model of patients" in part.title for part in patient.sections)


def test_a_page_asks_nothing_of_anyone_else_and_runs_only_the_script_beside_it(tmp_path: Path):
    page = sheet(tmp_path, [row("aa")], []).read_text(encoding="utf-8")
    assert re.findall(r'src="([^"]*)"', page) == ["index.js", "sheet/aa.jpg"]
    assert page.count("<script") == 1
    text = (tmp_path / "index.js").read_text(encoding="utf-8")
    for one in (page, text):
        assert "http:" not in one
        assert "https:" not in one
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert sink not in text


def studies_in(folder: Path) -> tuple[str, dict]:
    """The line of index.js that holds the data, and the data."""
    line = (folder / "index.js").read_bytes().split(b"\n", 1)[0].decode("ascii")
    quoted = re.fullmatch(r"const molreCohort = JSON\.parse\((.*)\);", line)[1]
    return line, json.loads(json.loads(quoted))


@given(st.text(), st.text())
@example("</script><script>alert(1)</script>", "\u2028\u2029<!--")
@example('\\"); alert(1); ("', "]]>\x00\n\r'`${1}")
def test_whatever_a_path_holds_stays_data(path: str, note: str):
    """ASCII, one line, no ``<``: nothing in it ends a script, a string or a line."""
    card = next(cards([full_row(path=f"/scans/{path}", notes=[note])], []))
    line = report.script([card]).split("\n", 1)[0]
    assert line.isascii()
    assert "<" not in line
    quoted = line.removeprefix("const molreCohort = JSON.parse(").removesuffix(");")
    data = json.loads(json.loads(quoted))
    assert data["studies"][0][1] == f"/scans/{path}"
    assert note in data["words"]


def full_row(**other: object) -> dict[str, object]:
    return dict.fromkeys(SCHEMA) | {"even": True} | row("aa", **other)


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


def test_a_large_cohort_is_paged_and_the_data_holds_all_of_it(tmp_path: Path):
    many = report.PER_PAGE + 1
    (tmp_path / "index-2.html").write_text("from an earlier version")
    page = sheet(tmp_path, [row(f"{i:04d}") for i in range(many)], []).read_text()
    assert page.count("<article") == report.PER_PAGE
    assert f"the first {report.PER_PAGE} of {many} studies" in page
    assert not (tmp_path / "index-2.html").exists()
    _, data = studies_in(tmp_path)
    assert [study[0] for study in data["studies"]] == [f"{i:04d}" for i in range(many)]


def test_of_many_refusals_the_lost_ones_are_shown_first(tmp_path: Path):
    scouts = [
        Rejected(f"/scans/aa/{i:03d}", "aa", "a localizer", "nothing", lost=False)
        for i in range(report.REJECTS_SHOWN)
    ]
    page = sheet(tmp_path, [row("aa")], [*scouts, Rejected("/scans/zz", "", "is lost", "look")])
    text = page.read_text(encoding="utf-8")
    assert "is lost" in text
    assert text.count("badge good") == report.REJECTS_SHOWN  # one used less, one whole head
    assert "The first 200 of 201" in text


def test_headings_are_keys_and_paths_are_behind_a_click_or_nowhere(tmp_path: Path):
    path = "/phi/DOE^JANE_19500101/CT"
    notes = {"notes": ["DOE 3.dcm is damaged"], "files": [f"{path}/DOE 3.dcm"]}
    rows = [row("aa", path=path), row("bb", path=f"{path}2")]
    rejects = [
        Rejected(f"{path}/DOE.dcm", "aa", "a localizer", "nothing", lost=False),
        Rejected("/phi/DOE^JOHN/x.dcm", "", "is empty", "copy it again"),
    ]
    page = sheet(tmp_path, rows, rejects).read_text(encoding="utf-8")
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["aa", "bb"]
    clicked = re.sub(r'<details class="where">.*?</details>', "", page)
    assert page.count("DOE") == 5
    assert "DOE" not in clicked
    rows = [row("aa", path=path, **notes), row("bb", path=f"{path}2")]
    sheet(tmp_path, rows, rejects)
    page = write_contact_sheet(Cohort(tmp_path), paths=False)
    for name in ("index.html", "index.js"):
        assert "DOE" not in page.with_name(name).read_text(encoding="utf-8")
        assert "phi" not in page.with_name(name).read_text(encoding="utf-8")
