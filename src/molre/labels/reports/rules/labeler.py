"""The labeler: a report's sections, sentences and mentions become one state a finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from molre.labels.findings import FindingsTable
from molre.labels.reports.cell import Cell, State
from molre.labels.reports.rules.assertion import assertion
from molre.labels.reports.rules.closure import closed
from molre.labels.reports.rules.grammar import Grammar, load
from molre.labels.reports.rules.language import check_language
from molre.labels.reports.rules.mentions import mentions, with_own_terms
from molre.labels.reports.rules.scope import Around, cues
from molre.labels.reports.rules.sections import ADDENDUM, IGNORED, sections
from molre.labels.reports.rules.sentences import Sentence, sentences

VERSION = 1


@dataclass(frozen=True)
class Statement:
    """One thing that a report says.

    Attributes:
        finding: id.
        state: present, absent or uncertain.
        start, end: its place in the report.
        weight: of its section.
        limited: what is denied is an acute or a large one.
    """

    finding: str
    state: State
    start: int
    end: int
    weight: int
    limited: bool = False


class RulesLabeler:
    """Labels by rules that a radiologist can read; nothing leaves the process.

    Args:
        table: the findings.
    """

    source = "report-rules"
    labeller = f"rules {VERSION}"

    def __init__(self, table: FindingsTable):
        self.table = table
        self._grammar: Grammar = with_own_terms(load(table), table)

    def label(self, text: str) -> list[Cell]:
        """Cells of a report; see :class:`molre.labels.reports.cell.Labeler`.

        Raises:
            MolreError: an empty report, or one that is not in English.
        """
        check_language(text)
        found = list(self.statements(text))
        return closed(decide(found, self.table), self.table)

    def statements(self, text: str) -> Iterator[Statement]:
        """Everything that a report says of findings, in its order."""
        for section in sections(text):
            if section.weight == IGNORED:
                continue
            for sentence in sentences(
                text, section.start, section.end, self._grammar.abbreviations
            ):
                yield from self._of(sentence, section.weight)

    def _of(self, sentence: Sentence, weight: int) -> Iterator[Statement]:
        """Of one sentence; a sign whose meaning it doubts is not stated as present."""
        of_signs: list[Statement] = []
        others: list[Statement] = []
        for sign, statement in self._mentioned(sentence, weight):
            (of_signs if sign and statement.state == "present" else others).append(statement)
        doubted = {s.finding for s in others if s.state == "uncertain"}
        yield from others
        yield from (s for s in of_signs if s.finding not in doubted)
        yield from self._normal(sentence, weight)

    def _mentioned(self, sentence: Sentence, weight: int) -> Iterator[tuple[bool, Statement]]:
        found = cues(sentence, self._grammar)
        words = sentence.words
        for mention in mentions(sentence, self._grammar):
            around = Around.of(sentence, mention.head, found)
            state = assertion(sentence, mention, around)
            if state is None:
                continue
            first, last = around.evidence(mention.phrase)
            start, end = words[first].start, words[last - 1].end
            for name in self._most_special(mention.findings(state)):
                said = Statement(name, state, start, end, weight, mention.limited)
                yield mention.sign, said
            if state == "present":
                for name in mention.find.get("denied", ()):
                    yield False, Statement(name, "absent", start, end, weight)

    def _normal(self, sentence: Sentence, weight: int) -> Iterator[Statement]:
        """What is said to be normal: a subject, and behind it or before it what is said."""
        words = sentence.words
        for rule in self._grammar.normal:
            for about in rule.about.finditer(sentence.joined):
                first, end = sentence.span(about)
                stop = _clause_end(sentence, end)
                rest = sentence.text(end, stop)
                said = rule.says.search(rest)
                if said is None:  # "age-appropriate brain volume", "patent cisterns"
                    rest = sentence.text(max(0, first - 2), first)
                    said = rule.says.search(rest)
                if said is None or rule.unless.search(sentence.text(max(0, first - 6), stop)):
                    continue
                if _is_denied(rest, said.start(), said.group()):
                    continue
                place = words[first].start, words[stop - 1].end, weight
                yield from (Statement(name, "absent", *place) for name in rule.absent)
                yield from (Statement(name, "present", *place) for name in rule.present)
                break

    def _most_special(self, names: tuple[str, ...]) -> list[str]:
        """Without those that another one of them implies."""
        implied = {a for name in names for a in self.table.ancestors(name)}
        return [name for name in names if name not in implied]


def _clause_end(sentence: Sentence, end: int) -> int:
    for i in range(end, len(sentence.words)):
        word = sentence.words[i].norm
        if word in ("but", "with", "without", "except", ";", "however", "although"):
            return i
        if word == "," and not _list_goes_on(sentence, i):
            return i
    return len(sentence.words)


def _list_goes_on(sentence: Sentence, comma: int) -> bool:
    rest = sentence.norms(comma + 1, len(sentence.words))
    return "and" in rest[:6] and not {"no", "there"} & set(rest[:3])


def _is_denied(rest: str, at: int, said: str) -> bool:
    """Whether "not" stands before what is said, and is no part of it."""
    before = rest[:at].split()
    return bool(before) and before[-1] in ("not", "no") and not said.startswith(("not", "no "))


def _without_overruled(found: list[Statement], table: FindingsTable) -> list[Statement]:
    """Without what an addendum denies as a whole: its "no hemorrhage" is of every hemorrhage."""
    denied = {s.finding for s in found if s.weight == ADDENDUM and s.state == "absent"}
    return [
        s for s in found
        if s.weight == ADDENDUM or not denied & set(table.ancestors(s.finding))
    ]  # fmt: skip


def decide(found: list[Statement], table: FindingsTable) -> dict[str, Cell]:
    """One cell a finding: an addendum over the impression over the rest; present over uncertain
    over absent within one. That an acute or a large one is denied does not undo one that is
    described."""
    cells: dict[str, Cell] = {}
    found = _without_overruled(found, table)
    for finding in dict.fromkeys(s.finding for s in found):
        own = [s for s in found if s.finding == finding]
        stated = [s for s in own if s.state != "absent"]
        if stated:
            own = [s for s in own if not (s.state == "absent" and s.limited)]
        top = max(s.weight for s in own)
        best = next(
            s for state in ("present", "uncertain", "absent") for s in own
            if s.weight == top and s.state == state
        )  # fmt: skip
        overrode = top == ADDENDUM and any(s.state != best.state for s in own if s.weight < top)
        note = "addendum" if overrode else ""
        cells[finding] = Cell(finding, best.state, best.start, best.end, note)
    return cells
