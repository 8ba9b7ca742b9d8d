from __future__ import annotations

import pytest

from molre.labels.findings import findings
from molre.labels.reports.rules.grammar import load
from molre.labels.reports.rules.scope import cues, reaches
from molre.labels.reports.rules.sentences import sentences

GRAMMAR = load(findings())


@pytest.mark.parametrize(
    ("text", "head", "reached"),
    [
        ("No hemorrhage, mass or shift", "shift", True),
        ("No hemorrhage, left frontal contusion", "contusion", False),
        ("No hemorrhage, left frontal contusion or fracture", "contusion", True),
        ("No hemorrhage but a contusion", "contusion", False),
        ("No hemorrhage and mild atrophy", "atrophy", False),
    ],
)
def test_a_cue_reaches_as_far_as_its_list(text: str, head: str, reached: bool) -> None:
    sentence = next(sentences(text, 0, len(text), GRAMMAR.abbreviations))
    found = cues(sentence, GRAMMAR)
    at = [w.norm for w in sentence.words].index(head)
    assert reaches(sentence, found[0], at, found) is reached
