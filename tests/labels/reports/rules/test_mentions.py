from __future__ import annotations

import pytest

from molre.labels.findings import findings
from molre.labels.reports.rules.grammar import load
from molre.labels.reports.rules.mentions import mentions
from molre.labels.reports.rules.sentences import sentences

GRAMMAR = load(findings())


def named(text: str) -> set[str]:
    return {
        finding
        for sentence in sentences(text, 0, len(text), GRAMMAR.abbreviations)
        for mention in mentions(sentence, GRAMMAR)
        for finding in mention.findings("present")
    }


@pytest.mark.parametrize(
    ("text", "finding", "not_it"),
    [
        ("Hematoma of the left thalamus", "deep_hemorrhage", "lobar_hemorrhage"),
        ("Left thalamic hematoma with midline shift", "midline_shift", "lobar_hemorrhage"),
        ("Pneumocephalus and a scalp hematoma", "scalp_hematoma", "intracranial_hemorrhage"),
        ("Subdural and subarachnoid hemorrhage", "subarachnoid_hemorrhage", "epidural_hemorrhage"),
        ("Mastoid opacification", "mastoid_effusion", "paranasal_sinus_disease"),
        ("Displaced nasal bone fracture", "facial_fracture", "depressed_skull_fracture"),
    ],
)
def test_a_head_means_what_is_near_it(text: str, finding: str, not_it: str) -> None:
    found = named(text)
    assert finding in found
    assert not_it not in found
