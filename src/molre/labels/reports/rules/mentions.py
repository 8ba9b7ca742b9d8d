"""Findings that a sentence mentions: a head word, and what is near it in its phrase."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from molre.labels.findings import FindingsTable
from molre.labels.reports.rules.grammar import Family, Grammar, pattern
from molre.labels.reports.rules.sentences import Sentence
from molre.labels.reports.rules.words import words

_WALLS = frozenset(". ; without but however although which except".split())
_LINKS = frozenset("consistent compatible keeping continuous contiguous".split())
_JOINERS = frozenset("and or nor / &".split())
_PREPOSITIONS = frozenset(
    "in of within along over at involving from into on overlying centered around near adjacent "
    "extending between tracking layering through".split()
)
_AGES = frozenset(
    "acute chronic subacute old remote recent nondisplaced displaced depressed hyperdense "
    "hypodense evolving lacunar unchanged stable likely probably hemorrhagic".split()
)
_LIMITS = frozenset(
    "acute large gross significant definite obvious major new recent sizable sizeable".split()
)
_DENIED = re.compile(
    r" (?:no|without)(?: evidence of| ct evidence of)? (acute|large)(?: \S+){1,12} $"
)
_FAR = 14  # words on either side


@dataclass(frozen=True)
class Mention:
    """A finding, or several, named at one place.

    Attributes:
        head: words of the head, first and one after the last.
        phrase: words of all that was read with it.
        find: findings by when they count: ``any``, ``absent``, ``stated``; ``denied``, those that
            are absent where this is present; ``new``, those that mean something new.
        limited: it is named with a word such as "acute" or "large": denying it denies no more.
        sign: it is only a sign of what it stands for.
    """

    head: tuple[int, int]
    phrase: tuple[int, int]
    find: dict[str, tuple[str, ...]] = field(default_factory=dict)
    limited: bool = False
    sign: bool = False

    def findings(self, state: str) -> tuple[str, ...]:
        """What is said to be in a state."""
        more = self.find.get("absent" if state == "absent" else "stated", ())
        return (*self.find.get("any", ()), *more)


def mentions(sentence: Sentence, grammar: Grammar) -> Iterator[Mention]:
    """All mentions of a sentence, from left to right."""
    heads = [sentence.span(m) for m in grammar.heads.finditer(sentence.joined)]
    terms = [sentence.span(m) for m in grammar.terms.finditer(sentence.joined)]
    heads = [h for h in heads if not _covered(h, terms)]
    says = {sentence.span(m)[0] for m in grammar.says.finditer(sentence.joined)}
    says -= {i for first, end in (*heads, *terms) for i in range(first, end)}
    for first, end in terms:
        finding = grammar.term_findings[_name(sentence, (first, end))]
        blockers = grammar.blockers[finding].finditer(sentence.joined)
        if not _covered((first, end), [sentence.span(m) for m in blockers]):
            yield Mention((first, end), (first, end), {"any": (finding,)})
    taken = sorted([*heads, *terms])
    soft = {h for h in heads if all(f.soft for f in grammar.families[_name(sentence, h)])}
    for span in heads:
        # a term right before the head, such as "parafalcine subdural", is a part of its phrase
        walls = [o for o in taken if o not in soft or o == span]
        others = [o for o in walls if not _overlap(o, span) and (o in heads or o[1] != span[0])]
        start = _left(sentence, span[0], others, says)
        stop = _right(sentence, span[1], others)
        head = _name(sentence, span)
        near = _shared(sentence, start, sentence.text(start, stop))
        limited = any(word in _LIMITS for word in near.split())
        for family in grammar.families[head]:
            find = _read(family, near, sentence.joined)
            if find:
                yield Mention(span, (start, stop), find, limited, family.sign)


def _shared(sentence: Sentence, start: int, near: str) -> str:
    """ "No acute hemorrhage or infarct": what stands before a list is said of each of its items."""
    if start == 0 or sentence.words[start - 1].norm not in (*_JOINERS, ","):
        return near
    denied = _DENIED.search(sentence.text(0, start))
    return f" {denied.group(1)}{near}" if denied else near


def with_own_terms(grammar: Grammar, table: FindingsTable) -> Grammar:
    """The grammar with those phrases of the findings table that its families do not read so.

    Args:
        grammar: whose terms have no head in them.
        table: the findings.
    """
    terms = dict(grammar.term_findings)
    for finding in table:
        for term in finding.report_terms:
            sentence = Sentence(tuple(words(term, grammar.abbreviations)))
            said = {f for m in mentions(sentence, grammar) for f in m.findings("present")}
            name = _name(sentence, (0, len(sentence.words)))
            if finding.id not in said and name not in terms:
                terms[name] = finding.id
    return replace(grammar, terms=pattern(terms), term_findings=terms)


def _read(family: Family, near: str, sentence: str) -> dict[str, tuple[str, ...]]:
    """What a family makes of a phrase, by when it counts."""
    if family.unless.search(near):
        return {}
    fitting = [
        kind for kind in family.kinds
        if kind.near.search(near)
        and (kind.also is None or kind.also.search(near))
        and not kind.unless.search(near)
        and (kind.sentence is None or kind.sentence.search(sentence))
        and not kind.unless_sentence.search(sentence)
    ]  # fmt: skip
    alone = [kind for kind in fitting if kind.alone]
    fitting = alone[:1] or fitting
    found: dict[str, list[str]] = {}
    for kind in fitting:
        found.setdefault(kind.when, []).extend(kind.find)
        if kind.near.search(" new "):
            found.setdefault("new", []).extend(kind.find)
        found.setdefault("absent", []).extend(kind.negated)
        found.setdefault("denied", []).extend(kind.denies)
    if family.otherwise and not found.get("any"):
        # with nothing more special the head speaks for itself
        when = "stated" if found.get("absent") else "any"
        found.setdefault(when, []).append(family.otherwise)
    return {when: tuple(dict.fromkeys(names)) for when, names in found.items() if names}


def _left(sentence: Sentence, at: int, heads: list[tuple[int, int]], says: set[int]) -> int:
    """The first word of the phrase that a head ends."""
    words = sentence.words
    wall = max([end for _, end in heads if end <= at], default=0)
    i = at
    while i > wall and at - i < _FAR:
        word = words[i - 1].norm
        if word in _WALLS or (i - 1 in says and "," in sentence.norms(i, at)):
            break
        if word in ("no", "not", "without"):
            break
        if word == "with" and (i < 2 or words[i - 2].norm not in _LINKS):
            break
        i -= 1
    # words before a head of another kind and its "and" or comma belong to that one
    if i == wall and wall:
        for j in range(at - 1, wall - 1, -1):
            if words[j].norm in _JOINERS or words[j].norm == ",":
                return j + 1
    return i


def _right(sentence: Sentence, at: int, heads: list[tuple[int, int]]) -> int:
    """One after the last word of the phrase that a head begins."""
    words = sentence.words
    wall = min([first for first, _ in heads if first >= at], default=len(words))
    i = at
    while i < wall and i - at < _FAR:
        word = words[i].norm
        if word in _WALLS or word in ("no", "not"):
            break
        if word == "with" and (i == 0 or words[i - 1].norm not in _LINKS):
            break
        if word == "," and not _goes_on(sentence, i, wall):
            break
        i += 1
    if i == wall and wall < len(words):
        # what stands before the next head is that head's, from its "and", comma or preposition on
        for j in range(at, wall):
            if words[j].norm in _JOINERS or words[j].norm == ",":
                return j
    return i


def _goes_on(sentence: Sentence, comma: int, wall: int) -> bool:
    """Whether a phrase goes on behind a comma: with a place, or with a word of age."""
    after = sentence.norms(comma + 1, wall)
    return bool(after) and after[0] in _PREPOSITIONS | _AGES


def _name(sentence: Sentence, span: tuple[int, int]) -> str:
    return " ".join(sentence.norms(*span))


def _covered(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(a <= span[0] and span[1] <= b for a, b in others)


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
