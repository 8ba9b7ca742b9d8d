"""Whom a file says it belongs to, besides the Patient ID: name, birth date and sex.

A Patient ID is often empty and sometimes the same for everybody ("0001"). Two files are of two
people for sure where no part of their names agrees, or where both state another birth date or sex.
Parts of a name count in any order (family and given name are often swapped), and only as far as
they are ASCII letters, as the same name is written in several character sets. Names and dates that
stand for a removed one say nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PART = re.compile("[a-z]{2,}")
_REMOVED = re.compile(
    "anon|deident|removed|redact|delet|unknown|unbekannt|inconnu|desconocid|sconosciut|patient"
    "|noname|none|null|dummy|xxx"
)
_DUMMY = {"19000101", "18000101", "19700101", "20000101", "99991231"}


@dataclass(frozen=True)
class Person:
    """What is stated of a person; empty where it is not.

    Attributes:
        name: its parts, sorted.
        birth: YYYYMMDD.
        sex: M or F.
    """

    name: tuple[str, ...] = ()
    birth: str = ""
    sex: str = ""

    @property
    def stated(self) -> int:
        """How many of the three are stated."""
        return bool(self.name) + bool(self.birth) + bool(self.sex)

    @property
    def words(self) -> str:
        """All of it in one text, the same for everybody who states the same."""
        return " ".join((*self.name, self.birth, self.sex))


@lru_cache(maxsize=1024)
def person(name: str | None, birth: str | None, sex: str | None) -> Person:
    """What Patient's Name (0010,0010), Birth Date (0010,0030) and Sex (0010,0040) say."""
    ascii_only = (name or "").encode("ascii", errors="replace").decode().lower()
    first = ascii_only.split("=")[0]  # the alphabetic one of three
    parts = set() if "\33" in first or _REMOVED.search(first) else set(_PART.findall(first))
    day, known = re.sub(r"[.\-]", "", (birth or "").strip()), (sex or "").strip().upper()
    valid = re.fullmatch(r"(1[89]|20)\d{6}", day) and day not in _DUMMY
    return Person(tuple(sorted(parts)), day if valid else "", known if known in ("M", "F") else "")


def are_two(one: Person, other: Person) -> bool:
    """Whether two files without a Patient ID are of two people."""
    return any(_signs(one, other))


def are_surely_two(one: Person, other: Person) -> bool:
    """Whether two files of one Patient ID are: by their names, and by birth date or sex."""
    names, births, sexes = _signs(one, other)
    return names and (births or sexes)


def _signs(one: Person, other: Person) -> tuple[bool, bool, bool]:
    names = bool(one.name and other.name) and set(one.name).isdisjoint(other.name)
    births = bool(one.birth and other.birth) and one.birth != other.birth
    if births and "0101" in (one.birth[4:], other.birth[4:]):  # only the year was kept
        births = one.birth[:4] != other.birth[:4]
    return names, births, bool(one.sex and other.sex) and one.sex != other.sex
