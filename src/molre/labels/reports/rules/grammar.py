"""The grammar: families of findings, normal statements and cues, read from ``grammar.yaml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from molre.errors import MolreError
from molre.labels.findings import FindingsTable
from molre.labels.reports.rules.words import phrase

CUES = (
    "negative_pre", "negative_post", "not_negative", "unchanged", "uncertain_pre", "uncertain_post",
    "favored", "ignored_pre", "ignored_post", "stops",
)  # fmt: skip
When = Literal["any", "absent", "stated"]
Pattern = re.Pattern[str]
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True)
class Kind:
    """What a head means with certain words near it.

    Attributes:
        find: findings.
        near, also, unless: patterns of what must be, must also be, and must not be near.
        negated: findings besides, where the mention is negated.
        sentence, unless_sentence: what must, and must not, be in the sentence.
        denies: findings that are absent where the mention is not negated.
        alone: no other kind counts where this one fits.
        when: it counts for negated mentions only, for others only, or for any.
        example: a sentence that it is true of.
    """

    find: tuple[str, ...]
    near: Pattern
    also: Pattern | None
    unless: Pattern
    negated: tuple[str, ...]
    sentence: Pattern | None
    unless_sentence: Pattern
    denies: tuple[str, ...]
    alone: bool
    when: When
    example: str


@dataclass(frozen=True)
class Family:
    """A head word and its kinds.

    Attributes:
        kinds: in order.
        unless: near it, the head means nothing here.
        otherwise: finding where no kind fits; None: none.
        soft: its heads are modifiers too, at which the phrase of another head does not end.
        sign: what it describes is only a sign; a sentence that doubts what it means is uncertain.
    """

    kinds: tuple[Kind, ...]
    unless: Pattern
    otherwise: str | None
    sign: bool
    soft: bool


@dataclass(frozen=True)
class Normal:
    """A statement that something is normal.

    Attributes:
        about: subject.
        says: what is said of it.
        unless: in the clause, it says nothing.
        absent, present: findings.
        example: a sentence that it is true of.
    """

    about: Pattern
    says: Pattern
    unless: Pattern
    absent: tuple[str, ...]
    present: tuple[str, ...]
    example: str


@dataclass(frozen=True)
class Grammar:
    """All rules, compiled. Patterns are for words joined by single spaces, with one at each end.

    Attributes:
        abbreviations: written out.
        families: by head.
        heads: all heads, the longest first.
        terms: phrases of the findings table that have no head in them.
        term_findings: what they mean.
        blockers: look-alikes in which a finding's terms do not count, by finding.
        normal: statements.
        says: every word of a normal statement.
        cue: every cue, the longest first.
        kinds_of_cue: by phrase.
    """

    abbreviations: dict[str, tuple[str, ...]]
    families: dict[str, tuple[Family, ...]]
    heads: Pattern
    terms: Pattern
    term_findings: dict[str, str]
    blockers: dict[str, Pattern]
    normal: tuple[Normal, ...]
    says: Pattern
    cue: Pattern
    kinds_of_cue: dict[str, tuple[str, ...]]


@cache
def load(table: FindingsTable) -> Grammar:
    """The grammar that ships with molre, for a findings table.

    Raises:
        MolreError: a rule with an unknown key, class or finding.
    """
    import yaml

    text = (resources.files(__package__) / "grammar.yaml").read_text(encoding="utf-8")
    return Compiler(yaml.safe_load(text), table).grammar()


class Compiler:
    """Makes patterns of the rules; unknown names are errors."""

    def __init__(self, given: dict[str, Any], table: FindingsTable):
        _known(
            given,
            ("abbreviations", "classes", "terms", "families", "normal", "cues"),
            "the grammar",
        )
        self.given, self.table = given, table
        self.abbreviations = {k: phrase(v, {}) for k, v in given["abbreviations"].items()}

    def grammar(self) -> Grammar:
        """All of it."""
        families: dict[str, list[Family]] = {}
        for rule in self.given["families"]:
            family = self._family(rule)
            for head in self._phrases(rule["heads"]):
                families.setdefault(head, []).append(family)
        heads = pattern(families)
        self._check(self.given["terms"])
        named = [(f.id, f.report_terms) for f in self.table] + [*self.given["terms"].items()]
        terms = {
            term: finding
            for finding, phrases in named
            for term in self._phrases(phrases)
            if not heads.search(f" {term} ")
        }
        excluded = {
            finding.id: pattern(
                self._phrases(t for t in finding.exclude_terms if not t.startswith("no "))
            )
            for finding in self.table
        }
        normal = tuple(self._normal(rule) for rule in self.given["normal"])
        says = pattern(
            s for rule in self.given["normal"] for s in self._phrases(rule["says"]) if s.isalpha()
        )
        kinds = self._cues()
        return Grammar(
            self.abbreviations,
            {head: tuple(of) for head, of in families.items()},
            heads,
            pattern(terms),
            terms,
            excluded,
            normal,
            says,
            pattern(kinds),
            kinds,
        )

    def _family(self, rule: dict[str, Any]) -> Family:
        _known(
            rule,
            ("heads", "unless", "kinds", "otherwise", "sign", "soft"),
            f"family {rule.get('heads')}",
        )
        otherwise = rule.get("otherwise")
        self._check([otherwise] if otherwise else [])
        kinds = tuple(self._kind(kind) for kind in rule.get("kinds", ()))
        return Family(
            kinds,
            self._any(rule.get("unless")),
            otherwise,
            bool(rule.get("sign")),
            bool(rule.get("soft")),
        )

    def _kind(self, rule: dict[str, Any]) -> Kind:
        keys = (
            "find", "near", "and", "unless", "unless_sentence", "negated", "sentence", "denies",
            "alone", "when", "example",
        )  # fmt: skip
        _known(rule, keys, f"kind {rule.get('find')}")
        if "example" not in rule:
            raise MolreError(f"kind {rule['find']} has no example", fix="write a sentence")
        find, negated = _list(rule["find"]), _list(rule.get("negated", []))
        denies = _list(rule.get("denies", []))
        self._check([*find, *negated, *denies])
        sentence = self._any(rule["sentence"]) if "sentence" in rule else None
        also = self._any(rule["and"]) if "and" in rule else None
        return Kind(
            find, self._any(rule["near"]), also, self._any(rule.get("unless")), negated,
            sentence, self._any(rule.get("unless_sentence")), denies, bool(rule.get("alone")),
            rule.get("when", "any"), rule["example"],
        )  # fmt: skip

    def _normal(self, rule: dict[str, Any]) -> Normal:
        keys = ("about", "says", "unless", "absent", "present", "example")
        _known(rule, keys, f"statement about {rule.get('about')}")
        absent, present = _list(rule.get("absent", [])), _list(rule.get("present", []))
        self._check([*absent, *present])
        about, says, unless = (self._any(rule.get(k)) for k in ("about", "says", "unless"))
        return Normal(about, says, unless, absent, present, rule["example"])

    def _cues(self) -> dict[str, tuple[str, ...]]:
        _known(self.given["cues"], CUES, "the cues")
        kinds: dict[str, tuple[str, ...]] = {}
        for kind in CUES:
            for cue in self._phrases(self.given["cues"][kind]):
                kinds[cue] = (*kinds.get(cue, ()), kind)
        return kinds

    def _any(self, names: Sequence[str] | None) -> Pattern:
        return pattern(self._phrases(names)) if names else _NEVER

    def _phrases(self, names: Iterable[str]) -> list[str]:
        """Phrases, with those of the classes named in capitals in their place."""
        found: list[str] = []
        for name in names:
            if name in self.given["classes"]:
                found += self._phrases(self.given["classes"][name])
            elif name.isupper() and "_" in name:
                raise MolreError(f"the grammar has no class {name}", fix="define it")
            else:
                found.append(" ".join(phrase(name, self.abbreviations)))
        return found

    def _check(self, findings: Iterable[str]) -> None:
        for finding in findings:
            if finding not in self.table.by_id:
                raise MolreError(
                    f"the grammar names an unknown finding {finding!r}", fix="correct it"
                )


def pattern(phrases: Iterable[str]) -> Pattern:
    """Any of the phrases as whole words, the longest first."""
    ordered = sorted(set(phrases), key=lambda p: (-len(p), p))
    return re.compile(f"(?<= )(?:{'|'.join(map(re.escape, ordered))})(?= )") if ordered else _NEVER


def _list(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _known(rule: dict[str, Any], keys: Sequence[str], what: str) -> None:
    for key in rule:
        if key not in keys:
            raise MolreError(f"{what} has an unknown key {key!r}", fix=f"use {', '.join(keys)}")
