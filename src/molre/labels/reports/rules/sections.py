"""Sections of a report: which of them speak of this study, and whose word weighs most."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

IGNORED, BODY, IMPRESSION, ADDENDUM = 0, 1, 2, 3

_HISTORY = (
    r"indications?|clinical(?: (?:information|history|indications?|details|data|context|question|"
    r"presentation|concern|statement|summary|background|notes?))?|clincal|history|hx|"
    r"reasons?(?: for (?:exam(?:ination)?|study|the study|request|scan))?|request|"
    r"patient history|presenting complaint|referral(?: details)?|order|question|"
    r"past medical history|pmh|symptoms?|family history|history and indication"
)
_TECHNIQUE = (
    r"techniques?|comparisons?|compared? (?:with|to)|priors?|prior (?:stud(?:y|ies)|imaging)|"
    r"procedures?|protocol|exam(?:ination)?s?|stud(?:y|ies)|dose|dlp|radiation dose|contrast|"
    r"examination date|date|referrer|recommendations?|advice|suggestions?|limitations?|"
    r"electronically signed(?: by)?|dictated(?: by)?|signed(?: by)?|reported by|disclaimer|"
    r"communication|notification"
)
_BODY = r"findings?|reports?|original reports?|body|description|results?|ct findings|observations?"
_IMPRESSION = (
    r"impressions?|imp|conclusions?|opinion|summary|interpretation|assessment|diagnos[ie]s|"
    r"comments?|final (?:read|impression)|conc|in summary|in conclusion"
)
_ADDENDUM = r"addend(?:um|a)(?: (?:#?\d+|report))?(?: \([^)]{0,60}\))?|amended report|correction"
_KINDS = (
    (_ADDENDUM, ADDENDUM), (_IMPRESSION, IMPRESSION), (_BODY, BODY),
    (_HISTORY, IGNORED), (_TECHNIQUE, IGNORED),
)  # fmt: skip
_NAME = "|".join(f"(?P<k{i}>{names})" for i, (names, _) in enumerate(_KINDS))
# at the start of a line or a sentence, with a colon; or alone on its line, in capitals
_HEADING = re.compile(
    rf"(?:^|(?<=[.!?\n])|(?<=\. ))[ \t*#>]*(?:{_NAME})[ \t]*(?:[:\u2013]|[ \t]-[ \t]|(?=\n)|\s*$)",
    re.IGNORECASE | re.MULTILINE,
)
# a line of history may do without the colon
_LINE_OF_HISTORY = re.compile(
    r"^[ \t]*(?:hx|history|indication|clinical (?:details|history|information|indication))"
    r"[ \t]+(?=\S)",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"[.?!](?=\s|$)|\n(?=\s*\n)|\n(?=[ \t]*(?:[A-Z\u2022*-]|\d+[.)]))")


@dataclass(frozen=True)
class Section:
    """A stretch of a report.

    Attributes:
        start, end: in the text as given, without its heading.
        weight: IGNORED, BODY, IMPRESSION or ADDENDUM.
    """

    start: int
    end: int
    weight: int


def sections(text: str) -> list[Section]:
    """The sections of a report in order; what has no heading is body."""
    marks = [(m.start(), m.end(), _weight(m)) for m in _HEADING.finditer(text)]
    starts = [start for start, _, _ in marks]
    for m in _LINE_OF_HISTORY.finditer(text):
        before = bisect_right(starts, m.start()) - 1  # the last heading that begins no later
        if before < 0 or marks[before][1] <= m.start():
            marks.append((m.start(), m.end(), IGNORED))
    marks.sort()
    found = []
    if (marks and marks[0][0] > 0) or not marks:
        found.append(Section(0, marks[0][0] if marks else len(text), BODY))
    for i, (_, at, weight) in enumerate(marks):
        end = marks[i + 1][0] if i + 1 < len(marks) else len(text)
        if weight != IGNORED:
            found.append(Section(at, end, weight))
            continue
        following = marks[i + 1][2] if i + 1 < len(marks) else None
        stop = _end_of_ignored(text, at, end, following)
        found.append(Section(at, stop, IGNORED))
        if stop < end:
            found.append(Section(stop, end, BODY))
    return [s for s in found if s.start < s.end]


def _weight(match: re.Match[str]) -> int:
    for i, (_, weight) in enumerate(_KINDS):
        if match.group(f"k{i}") is not None:
            return weight
    return BODY


def _end_of_ignored(text: str, start: int, end: int, following: int | None) -> int:
    """Where a history ends: at the next heading if findings begin there, else with its sentence.

    Reports often go on in plain prose after a line of history, without a heading.
    """
    block = re.search(r"\n\s*\n", text[start:end])
    if block and text[start : start + block.start()].strip():
        end = start + block.start()
        if following in (BODY, IGNORED):
            return end
    elif following in (BODY, IGNORED):
        return end
    first = start
    while first < end and text[first].isspace():
        first += 1
    stop = _SENTENCE_END.search(text, first, end)
    return stop.end() if stop else end
