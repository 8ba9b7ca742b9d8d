from __future__ import annotations

import pytest

from molre.labels.reports.rules.words import normal, phrase, words


@pytest.mark.parametrize(
    ("given", "one"),
    [
        ("Haematomas", "hematoma"), ("oedema", "edema"), ("sinuses", "sinus"),
        ("metastases", "metastasis"), ("masses", "mass"), ("hydrocephalus", "hydrocephalus"),
        ("infarctions", "infarct"), ("ischaemic", "ischemic"), ("sulci", "sulcus"),
    ],
)  # fmt: skip
def test_a_word_has_one_form(given: str, one: str) -> None:
    assert normal(given) == one


def test_places_are_those_of_the_text() -> None:
    text = "Intra-axial  haemorrhage, 5.2 mm"
    found = words(text, {})
    assert [w.norm for w in found] == ["intraaxial", "hemorrhage", ",", "5.2", "mm"]
    assert [text[w.start : w.end] for w in found][:2] == ["Intra-axial", "haemorrhage"]


def test_an_abbreviation_in_capitals_counts_only_in_capitals() -> None:
    table = {"SOL": ("space", "occupying", "lesion"), "w/o": ("without",)}
    assert phrase("SOL w/o", table) == ("space", "occupying", "lesion", "without")
    assert phrase("sol W/O", table) == ("sol", "without")
