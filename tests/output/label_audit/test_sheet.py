from __future__ import annotations

import json
import re
import stat
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from molre.labels.findings import findings
from molre.output.label_audit.sheet import (
    Answer,
    Question,
    Sheet,
    found_at,
    sheet_page,
    shuffled,
    write_sheet,
)

SHEET = Sheet(
    "A and B",
    (Question("r1", "midline_shift", (Answer(0, "absent", "No shift"), Answer(1, "present", ""))),),
    {"r1": "No shift."},
    ("A", "B"),
)


def data(page: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


def test_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "sheet.html"
    path.write_text("older, for all to read")
    write_sheet(SHEET, findings(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.html"]


@given(st.text())
def test_no_text_ends_the_data_or_begins_a_tag(text):
    texts = {"r1": text + "</script><!--<script>"}
    page = sheet_page(replace(SHEET, texts=texts), findings())
    assert page.lower().count("<script") == 2
    assert page.lower().count("</script") == 2
    assert data(page)["reports"] == list(texts.values())


def test_the_same_sheet_has_the_same_number_and_another_another():
    one, again = (data(sheet_page(SHEET, findings()))["sheet"] for _ in range(2))
    other = data(sheet_page(replace(SHEET, texts={"r1": "Shift."}), findings()))["sheet"]
    assert one == again
    assert one != other


@given(st.lists(st.sampled_from(["a", "bc", "🧠", "(x", "d.", "\\"]), min_size=1), st.data())
def test_words_are_found_whatever_space_is_between_them(words, chosen):
    spaces = st.sampled_from([" ", "\n", "  \t", "\r\n"])
    text = "".join(word + chosen.draw(spaces) for word in words)
    start = chosen.draw(st.integers(0, len(words) - 1))
    wanted = words[start : chosen.draw(st.integers(start + 1, len(words)))]
    first, end = found_at(text, " ".join(wanted))
    units = text.encode("utf-16-le")[2 * first : 2 * end]  # as JavaScript slices
    assert units.decode("utf-16-le").split() == wanted


def test_a_labeler_s_note_is_not_looked_for():
    assert found_at("No midline shift.", "midline shift [addendum]") == [3, 16]
    assert found_at("No [brain] shift [left]", "shift [left]") == [11, 23]


def test_words_that_are_not_there_are_not_found():
    assert found_at("No shift.", "mass effect") is None
    assert found_at("No shift.", " ") is None


def test_who_is_shown_first_changes_and_is_the_same_each_time():
    pair = SHEET.questions[0].answers
    first = [shuffled(Question(f"r{i}", "midline_shift", pair))[0].side for i in range(100)]
    assert 30 < sum(first) < 70
    assert first == [shuffled(Question(f"r{i}", "midline_shift", pair))[0].side for i in range(100)]
