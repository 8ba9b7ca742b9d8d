from __future__ import annotations

from molre.labels.reports.rules.sections import ADDENDUM, BODY, IGNORED, IMPRESSION, sections


def named(text: str) -> list[tuple[int, str]]:
    return [(s.weight, text[s.start : s.end].strip()) for s in sections(text)]


def test_headings_weigh_what_follows_them() -> None:
    text = "INDICATION: fall.\nFINDINGS: a.\nIMPRESSION: b.\nADDENDUM: c."
    assert named(text) == [(IGNORED, "fall."), (BODY, "a."), (IMPRESSION, "b."), (ADDENDUM, "c.")]


def test_a_line_of_history_ends_with_its_sentence_where_prose_goes_on() -> None:
    assert named("Clinical: fall on warfarin. There is a fracture.") == [
        (IGNORED, "fall on warfarin."), (BODY, "There is a fracture."),
    ]  # fmt: skip


def test_a_history_of_several_sentences_ends_at_the_next_heading() -> None:
    text = "HISTORY: Fall. Known tumor. On warfarin.\nFINDINGS: a."
    assert named(text)[0] == (IGNORED, "Fall. Known tumor. On warfarin.")


def test_a_report_without_headings_is_body() -> None:
    assert named("No hemorrhage.") == [(BODY, "No hemorrhage.")]
