"""What a sentence says of a finding that it mentions: present, absent, uncertain, or nothing."""

from __future__ import annotations

import re

from molre.labels.reports.cell import State
from molre.labels.reports.rules.mentions import Mention
from molre.labels.reports.rules.scope import Around, Cue
from molre.labels.reports.rules.sentences import Sentence

_STILL_POSSIBLE = re.compile(
    r" (?:cannot|can not|could not|not) (?:be )?(?:\w+ )?(?:excluded|ruled out) "
)
_NEAR_MASK = 6  # words between "no new" and what is not new


def assertion(sentence: Sentence, mention: Mention, around: Around) -> State | None:
    """present, absent, uncertain; None where the sentence does not speak of this study.

    Args:
        sentence: in which it stands.
        mention: a finding.
        around: the cues in whose scope it is.
    """
    before, after = around.before, around.after
    if _last(before, "ignored_pre") or _last(after, "ignored_post"):
        return None
    if _is_denied(before, after):
        rest = sentence.text(mention.head[1], len(sentence.words))
        return "uncertain" if _STILL_POSSIBLE.search(rest) else "absent"
    if _is_doubted(sentence, mention, before, after):
        return "uncertain"
    return _unless_only_new(sentence, mention, before)


def _is_denied(before: list[Cue], after: list[Cue]) -> bool:
    if _last(after, "negative_post"):
        return True
    negative = _last(before, "negative_pre") or _last(before, "negative_post")
    uncertain = _last(before, "uncertain_pre")
    return negative is not None and not (uncertain and uncertain.first >= negative.first)


def _is_doubted(sentence: Sentence, mention: Mention, before: list[Cue], after: list[Cue]) -> bool:
    """ "Possible", "versus"; and "abscess or metastasis", unless one of them is favored."""
    uncertain, favored = _last(before, "uncertain_pre"), _last(before, "favored")
    if favored and (uncertain is None or _is_own(sentence, uncertain, favored)):
        return False
    start, end = mention.phrase
    words = sentence.words
    beside = {w.norm for w in (*words[max(0, start - 1) : start], *words[end : end + 1])}
    return bool("or" in beside or uncertain or _last(after, "uncertain_post"))


def _is_own(sentence: Sentence, uncertain: Cue, favored: Cue) -> bool:
    """ "Possible infarct, most likely artifact"; not "possible focus consistent with infarct"."""
    between = sentence.text(uncertain.end, favored.first)
    return uncertain.end <= favored.first and " , " in between


def _unless_only_new(sentence: Sentence, mention: Mention, before: list[Cue]) -> State | None:
    """Present; where only something new or another one is denied, nothing is said of it."""
    mask = _last(before, "not_negative")
    if mask is None or sentence.words[mask.first].norm not in ("no", "without"):
        return "present"
    if mention.find.get("new") and " new " in sentence.text(mask.first, mask.end):
        return "absent"
    return None if mask.end >= mention.head[0] - _NEAR_MASK else "present"


def _last(found: list[Cue], kind: str) -> Cue | None:
    return next((c for c in reversed(found) if kind in c.kinds), None)
