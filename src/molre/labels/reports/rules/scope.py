"""How far a cue reaches: which findings of a sentence a "no" or a "possible" is said of."""

from __future__ import annotations

from dataclasses import dataclass

from molre.labels.reports.rules.grammar import Grammar
from molre.labels.reports.rules.sentences import Sentence

# a part of a list that begins with one of these is a statement of its own
_OWN = frozenset(
    "left right bilateral mild moderate small large severe old chronic stable unchanged there a "
    "an the diffuse minimal extensive known tiny subtle again multiple scattered prominent "
    "remote residual persistent evolving interval status postoperative".split()
)
_VERBS = frozenset("is are was were shows demonstrates".split())
_CHOICES = frozenset("or nor /".split())
_NEAR_FAVORED = 8  # words between "likely" and what is likely
_NEAR_POST = 14  # words between a finding and what is said behind it


@dataclass(frozen=True)
class Cue:
    """A cue in a sentence: its words, first and one after the last, and its kinds."""

    first: int
    end: int
    kinds: tuple[str, ...]


def cues(sentence: Sentence, grammar: Grammar) -> list[Cue]:
    """The cues of a sentence in order, the longest at each place."""
    found = []
    for match in grammar.cue.finditer(sentence.joined):
        first, end = sentence.span(match)
        found.append(Cue(first, end, grammar.kinds_of_cue[match.group()]))
    return found


def reaches(sentence: Sentence, cue: Cue, head: int, found: list[Cue]) -> bool:
    """Whether the scope of a cue goes as far as a head to its right.

    Args:
        sentence: of both.
        cue: that stands before the head.
        head: first word of the head.
        found: all cues of the sentence.
    """
    if _stopped(cue.end, head, found):
        return False
    between = _norms(sentence, cue.end, head)
    if between[:1] == [":"]:  # "Not seen: hemorrhage, fracture."
        return "negative_post" in cue.kinds
    if ";" in between or ":" in between or cue.kinds == ("negative_post",):
        return False
    if "favored" in cue.kinds and len(between) > _NEAR_FAVORED:
        return False
    after = _norms(sentence, head, len(sentence.words))
    places = [i for i, word in enumerate(between) if word in (",", "and")]
    return not any(_begins_anew(between, i, after) for i in places) and not (
        "negative_pre" in cue.kinds and _is_clause(between)
    )


def reaches_back(sentence: Sentence, end: int, cue: Cue, found: list[Cue]) -> bool:
    """Whether what is said behind a finding is said of it.

    Args:
        sentence: of both.
        end: one after the head's last word.
        cue: that stands behind it.
        found: all cues of the sentence.
    """
    if cue.first - end > _NEAR_POST or _stopped(end, cue.first, found):
        return False
    between = _norms(sentence, end, cue.first)
    if between in ([":"], ["is", ":"]):  # "Hemorrhage: none."
        return True
    if {":", "with", ";"} & set(between):
        return False
    if "," in between and not {"and", "or"} & set(between):
        return len(between) == 1 or (between[0] == "," and len(between) < 4)
    return not any("negative_pre" in c.kinds and end <= c.first < cue.first for c in found)


def evidence(
    sentence: Sentence, head: tuple[int, int], phrase: tuple[int, int], found: list[Cue]
) -> tuple[int, int]:
    """Words that a state rests on: the phrase, and what denies or doubts it on either side.

    Args:
        sentence: of all.
        head, phrase: words, first and one after the last.
        found: all cues of the sentence.
    """
    telling = [c for c in found if not {"stops", "ignored_pre"} & set(c.kinds)]
    before = [c.first for c in telling if c.end <= head[0] and reaches(sentence, c, head[0], found)]
    after = [
        c.end for c in telling if c.first >= head[1] and reaches_back(sentence, head[1], c, found)
    ]
    return min([*before[-1:], phrase[0]]), max([*after[:1], phrase[1]])


def _begins_anew(between: list[str], at: int, after: list[str]) -> bool:
    """Whether a statement of its own begins behind a comma or an "and"."""
    following = between[at + 1 :]
    if not following:
        return False
    first = following[0]
    if between[at] == "," and first in ("with", "consistent"):
        return True
    if between[at] == "," and first == "and":
        return following[1:2] != [] and following[1] in _OWN
    in_a_choice = bool(_CHOICES & {*following, *after} or "/" in between)
    own = first in _OWN or (between[at] == "," and first[0].isdigit())
    return own and not in_a_choice


def _is_clause(between: list[str]) -> bool:
    """Whether a verb behind a comma shows that what follows is another clause."""
    return "," in between and bool(_VERBS & set(between[between.index(",") :]))


def _stopped(first: int, end: int, found: list[Cue]) -> bool:
    return any("stops" in c.kinds and first <= c.first < end for c in found)


def _norms(sentence: Sentence, first: int, end: int) -> list[str]:
    return [w.norm for w in sentence.words[first:end]]
