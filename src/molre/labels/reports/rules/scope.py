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

    @property
    def telling(self) -> bool:
        """Whether it says something of a finding, and not only where a statement ends."""
        return not {"stops", "ignored_pre"} & set(self.kinds)


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
    between = sentence.norms(cue.end, head)
    if between[:1] == [":"]:  # "Not seen: hemorrhage, fracture."
        return "negative_post" in cue.kinds
    if ";" in between or ":" in between or cue.kinds == ("negative_post",):
        return False
    if "favored" in cue.kinds and len(between) > _NEAR_FAVORED:
        return False
    after = sentence.norms(head, len(sentence.words))
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
    between = sentence.norms(end, cue.first)
    if between in ([":"], ["is", ":"]):  # "Hemorrhage: none."
        return True
    if {":", "with", ";"} & set(between):
        return False
    if "," in between and not {"and", "or"} & set(between):
        return len(between) == 1 or (between[0] == "," and len(between) < 4)
    return not any("negative_pre" in c.kinds and end <= c.first < cue.first for c in found)


@dataclass(frozen=True)
class Around:
    """The cues whose scope a head is in.

    Attributes:
        before: that stand before it, in order.
        after: that stand behind it, in order.
    """

    before: list[Cue]
    after: list[Cue]

    @classmethod
    def of(cls, sentence: Sentence, head: tuple[int, int], found: list[Cue]) -> Around:
        """Of a head's words, first and one after the last, among a sentence's cues."""
        first, end = head
        return cls(
            [c for c in found if c.end <= first and reaches(sentence, c, first, found)],
            [c for c in found if c.first >= end and reaches_back(sentence, end, c, found)],
        )

    def evidence(self, phrase: tuple[int, int]) -> tuple[int, int]:
        """Words that a state rests on: the phrase, and what denies or doubts it on either side."""
        before = [c.first for c in self.before if c.telling][-1:]
        after = [c.end for c in self.after if c.telling][:1]
        return min([*before, phrase[0]]), max([*after, phrase[1]])


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
