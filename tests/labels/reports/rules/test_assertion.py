from __future__ import annotations

import pytest

from molre.labels.findings import findings
from molre.labels.reports.rules.assertion import assertion
from molre.labels.reports.rules.grammar import load
from molre.labels.reports.rules.mentions import mentions
from molre.labels.reports.rules.scope import Around, cues
from molre.labels.reports.rules.sentences import sentences

GRAMMAR = load(findings())


def said(text: str) -> list[str | None]:
    sentence = next(sentences(text, 0, len(text), GRAMMAR.abbreviations))
    found = cues(sentence, GRAMMAR)
    return [
        assertion(sentence, mention, Around.of(sentence, mention.head, found))
        for mention in mentions(sentence, GRAMMAR)
    ]


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("No hemorrhage, infarct or herniation", ["absent"] * 3),
        ("No hemorrhage and mild hydrocephalus", ["absent", "present"]),
        ("No hemorrhage, small chronic infarct", ["absent", "present"]),
        ("Hydrocephalus without hemorrhage", ["present", "absent"]),
        ("Hydrocephalus is not seen", ["absent"]),
        ("Not seen: hemorrhage, hydrocephalus", ["absent", "absent"]),
        ("No increase in hydrocephalus", [None]),
        ("Possible hemorrhage", ["uncertain"]),
        ("Meningioma or aneurysm", ["uncertain", "uncertain"]),
        ("History of meningioma", [None]),
        ("No hemorrhage seen but it cannot be excluded", ["uncertain"]),
    ],
)
def test_scope_of_a_cue(text: str, states: list[str | None]) -> None:
    found = said(text)
    assert sorted(map(str, found)) == sorted(map(str, states))
