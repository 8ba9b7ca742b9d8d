from __future__ import annotations

from molre.labels.reports.rules.sentences import sentences


def split(text: str) -> list[str]:
    return [s.joined.strip() for s in sentences(text, 0, len(text), {})]


def test_a_sentence_ends_at_its_period_and_not_at_a_number() -> None:
    assert split("Shift of 5.2 mm. Seen by Dr. Smith. No mass.") == [
        "shift of 5.2 mm", "seen by dr . smith", "no mass",
    ]  # fmt: skip


def test_a_wrapped_line_goes_on_and_an_item_of_a_list_does_not() -> None:
    assert split("Acute left\nsubdural hematoma\n- No shift\n2. Atrophy") == [
        "acute left subdural hematoma", "- no shift", "2 . atrophy",
    ]  # fmt: skip


def test_lines_without_periods_are_sentences_of_their_own() -> None:
    assert split("No hemorrhage\nNormal ventricles") == ["no hemorrhage", "normal ventricle"]


def test_a_hematoma_that_is_left_out_is_put_in() -> None:
    assert split("The left subdural is stable.") == ["the left subdural hematoma is stable"]
