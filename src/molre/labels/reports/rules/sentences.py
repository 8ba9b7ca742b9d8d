"""Sentences of a section, as words; a wrapped line goes on, an item of a list does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from molre.labels.reports.rules.words import Word, words

_SHORT = frozenset("dr mr mrs ms prof st vs approx e.g i.e no fig ca cf".split())
# after these a line that ends goes on in the next one, whatever that begins with
_GOES_ON = frozenset(
    "the a an of in on at to with without and or no by for from as is are was left right acute "
    "chronic mild small large bilateral both this that which into within along than".split()
)
_CAPITALS = re.compile(r"\n[ \t]*([A-Z]+)\b")
_CUTS = frozenset((",", "there", "the", "no"))
_LONGEST = 80  # words; dictation may have no periods at all
_SHORT_FOR_BLOOD = frozenset(("subdural", "epidural"))
_NO_NOUN = frozenset(
    ". can cannot could may not seen is are has have measuring measures now remains which "
    "was".split()
)
_BREAK = re.compile(
    r"(?P<dot>[.!?])(?=[\s)\]\"']|$)|(?P<semi>;)|(?P<blank>\n[ \t]*\n)"
    r"|(?P<item>\n(?=[ \t]*(?:[\u2022*\u25cf>-]|\d{1,2}[.)])\s))|(?P<line>\n(?=[ \t]*[A-Z]))"
)


@dataclass(frozen=True)
class Sentence:
    """Words of a sentence; ``joined`` is their forms with one space around each."""

    words: tuple[Word, ...]

    @cached_property
    def joined(self) -> str:
        """For patterns."""
        return self.text(0, len(self.words))

    @cached_property
    def _starts(self) -> dict[int, int]:
        at, found = 1, {}
        for i, word in enumerate(self.words):
            found[at] = i
            at += len(word.norm) + 1
        return found

    def span(self, match: re.Match[str]) -> tuple[int, int]:
        """Words of a match in ``joined``, first and one after the last."""
        first = self._starts[match.start()]
        return first, first + match.group().count(" ") + 1

    def text(self, first: int, end: int) -> str:
        """Some of the words, joined in the same way."""
        return f" {' '.join(self.norms(first, end))} "

    def norms(self, first: int, end: int) -> list[str]:
        """Forms of some of the words."""
        return [w.norm for w in self.words[first:end]]


def sentences(
    text: str, start: int, end: int, abbreviations: dict[str, tuple[str, ...]]
) -> Iterator[Sentence]:
    """Sentences of a stretch of a report, their words' places those of the whole.

    Args:
        text: the report.
        start, end: of the stretch.
        abbreviations: written out.
    """
    at = start
    for match in _BREAK.finditer(text, start, end):
        if not _ends(text, match, at):
            continue
        yield from _sentence(text, at, match.start(), abbreviations)
        at = match.end()
    yield from _sentence(text, at, end, abbreviations)


def _sentence(
    text: str, start: int, end: int, abbreviations: dict[str, tuple[str, ...]]
) -> Iterator[Sentence]:
    piece = text[start:end]
    found = tuple(
        Word(w.norm, w.start + start, w.end + start, w.raw) for w in words(piece, abbreviations)
    )
    found = _with_nouns(found)
    if found:
        if text[end : end + 1] == "?":
            found = (*found, Word("?", end, end + 1, "?"))
        yield from map(Sentence, _in_parts(found))


def _in_parts(found: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """Parts that are not too long, each up to a comma, an "and" or a "there" where there is one."""
    while len(found) > _LONGEST:
        cut = next(
            (i for i in range(_LONGEST, _LONGEST // 2, -1) if found[i].norm in _CUTS), _LONGEST
        )
        yield found[:cut]
        found = found[cut:]
    yield found


def _with_nouns(found: tuple[Word, ...]) -> tuple[Word, ...]:
    """ "The left subdural is stable": the hematoma that is left out is put in."""
    full: list[Word] = []
    for i, word in enumerate(found):
        full.append(word)
        following = found[i + 1].norm if i + 1 < len(found) else "."
        if word.norm in _SHORT_FOR_BLOOD and following in _NO_NOUN:
            full.append(Word("hematoma", word.start, word.end, word.raw))
    return tuple(full)


def _ends(text: str, match: re.Match[str], start: int) -> bool:
    before = text[max(start, match.start() - 60) : match.start()]
    last = re.search(r"[\w.]+$", before)
    word = last.group().lower() if last else ""
    if match.group("dot"):
        if match.group("dot") == "." and word in _SHORT:
            return word == "no" and not re.match(r"\s+\w", text[match.end() : match.end() + 20])
        # the number of a list's item is not a sentence
        return not (word.isdigit() and not before.strip().rstrip("0123456789"))
    if match.group("line"):
        if word in _GOES_ON or before.rstrip().endswith((",", "-", "/", ":")):
            return False
        following = _CAPITALS.match(text, match.start())
        return following is None or len(following.group(1)) < 2 or _is_heading(text, match.end())
    return True


def _is_heading(text: str, at: int) -> bool:
    """Whether a line in capitals is one; an abbreviation that a line wraps before is not."""
    line = text[at : at + 200].strip().split("\n")[0]
    return ":" in line[:40] or line.isupper() or len(line.split()[0]) > 4
