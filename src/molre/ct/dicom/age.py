"""Age from the header: Patient Age (0010,1010), and the birth date against the date of the scan.

What de-identifiers write is unknown: an age of 0 or beyond any life, a birth date of 1900-01-01 or,
beside a usable age, the day of the scan itself. A number without its unit is ambiguous, but up to
17 it is a child's age in days, weeks, months and years alike. Where age and birth date contradict
each other about a child, the child's age is believed: a child's scan must not be scored as an
adult's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date

ADULT_YEARS = 18  # the rules of who is withheld and the quality flags share it
LONGEST_LIFE = 130.0  # years
APART = 1.0  # year by which both may differ: ages are whole numbers, dates are shifted

_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_UNITS = (
    ("Y", r"y|y\.?/?o|yrs?|years?(?: old)?|jahre?n?|a|ans?|a[nñ]os?|ann[io]|jaar|лет|года?|г"
          r"|岁|歳|才|세|살|lat|lata|roky?|rok[uů]|let|år|éves|ani|yaş|tahun|thn"),
    ("M", r"m|mos?|mths?|mons?|months?(?: old)?|monate?n?|mois|mes(?:es)?|mes[ie]|maand(?:en)?|月"
          r"|개월|мес\w*"),
    ("W", r"w|wks?|weeks?(?: old)?|wochen?|semaines?|semanas?|settiman[ae]|weken|周|週"),
    ("D", r"d|days?(?: old)?|tage?n?|jours?|d[ií]as?|giorn[oi]|dag(?:en)?|天|日"),
)  # fmt: skip
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*([^\d.,\s][^\d,]*?)?\s*(?=\d|$)")
_SEX = re.compile(r"(?<=[a-z])[\s/,;]+(?:m|f|male|female)$")  # "5Y/F"
_UNIT_FIRST = re.compile(r"([ymwd])\s?(\d+)")  # "Y005"
_RANGE = re.compile(r"(\d+)\s*(?:-|–|to|bis)\s*(\d+)\s*([^\d\s].*)")  # the younger counts
_NARROW = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)}  # full-width letters and digits
_DUMMY_BIRTHS = {date(1900, 1, 1)}


def is_child(years: float | None) -> bool:
    """Whether an age is known and below an adult's."""
    return years is not None and years < ADULT_YEARS


def age_of(
    stated: str | None, born: str | None, seen: Iterable[str | None]
) -> tuple[float | None, str | None]:
    """Years, and what to note about them.

    Args:
        stated: Patient Age.
        born: Patient's Birth Date (0010,0030).
        seen: dates of the study, series, acquisition and content, the best first.
    """
    years, doubt = _stated(stated)
    by_date, same_day = _since(born, seen)
    if by_date is None or (same_day and years is not None):
        return years, doubt
    if years is None:
        if same_day:
            doubt = "the birth date is the day of the scan: taken as a newborn"
        return by_date, doubt if same_day else None
    if abs(years - by_date) <= APART:
        return years, None
    words = "age and birth date contradict each other"
    if is_child(min(years, by_date)):
        return min(years, by_date), f"{words}: the younger age is used"
    return years, f"{words}: the age is used"


def _stated(text: str | None) -> tuple[float | None, str | None]:
    """Years by Patient Age; unknown where it is a dummy or no age."""
    words = unicodedata.normalize("NFC", (text or "")[:32].translate(_NARROW))
    words = words.strip().lower().replace("+", " ").strip("<>=~≥≤ ").rstrip(". ")
    parts = _parts(_usual(words))
    if not parts:
        told = re.search(r"\d", words) is not None
        return None, "Patient Age makes no sense: the age is unknown" if told else None
    if any(unit is None for _, unit in parts):
        value = parts[0][0]
        if len(parts) == 1 and 0 < value < ADULT_YEARS:
            return _kept(value), "Patient Age has no unit, but is a child's age in any"
        return None, "Patient Age has no unit: the age is unknown" if value else None
    years = sum(value * _YEARS[unit] for value, unit in parts if unit)
    return (_kept(years), None) if 0 < years < LONGEST_LIFE else (None, None)


def _usual(words: str) -> str:
    """A number and its unit, of what has them in another order, or more than them."""
    words = _SEX.sub("", words)
    if found := _UNIT_FIRST.fullmatch(words):
        return found[2] + found[1]
    if found := _RANGE.fullmatch(words):
        return (found[1] if int(found[1]) else found[2]) + found[3]
    return words


def _kept(years: float) -> float:
    """Two decimals, never up to a birthday: who is 18 tomorrow is a child today."""
    near = round(years, 2)
    if years == 0:
        return 0.0
    return max(0.01, near - 0.01 if int(near) > int(years + 1e-9) else near)


def _parts(words: str) -> list[tuple[float, str | None]]:
    """Numbers with their unit, ``2y 6m``; none where anything else is there, too."""
    if not re.fullmatch(rf"(?:{_PART.pattern})+", words):
        return []
    found = []
    for number, name in _PART.findall(words):
        unit = _unit(name.strip(" .-"))
        if name and unit is None and name.strip(" .-") not in ("", "j"):  # Jahre, or jours
            return []
        found.append((float(number.replace(",", ".")), unit))
    return found


def _unit(name: str) -> str | None:
    return next((unit for unit, names in _UNITS if re.fullmatch(names, name)), None)


def _since(born: str | None, seen: Iterable[str | None]) -> tuple[float | None, bool]:
    """Years between two dates, and whether they are the same day; None where unusable."""
    days = [day for day in (_day(one) for one in seen) if day]
    birth = _day(born)
    if not days:
        return None, False
    if birth is None:
        return _since_year(born, days[0]), False
    if birth in _DUMMY_BIRTHS:
        return None, False
    years = _between(birth, days[0])
    return (_kept(years) if 0 <= years < LONGEST_LIFE else None), birth in days


def _between(birth: date, day: date) -> float:
    """Birthdays by the calendar, and the share of a year since the last; negative before birth."""
    whole = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    year = birth.year + whole
    if year < 1:
        return -1.0
    last = date(year, 3, 1) if (birth.month, birth.day) == (2, 29) else birth.replace(year=year)
    return whole + min((day - last).days / 365.25, 0.999)


def _since_year(born: str | None, day: date) -> float | None:
    """Years since the middle of a birth year alone; None where that leaves open who is a child."""
    found = re.fullmatch(
        r"(?:\d\d?[/-]\d\d?[/-])?(\d{4})\D*(?:00|01|[x*]{2})?\D*(?:00|01|[x*]{2})?",
        (born or "").strip().lower(),
    )
    if not found or not 1 <= int(found[1]) <= day.year:
        return None
    oldest = day.year - int(found[1]) + (day - date(day.year, 1, 1)).days / 365.25
    youngest = max(0.0, oldest - 1)
    if youngest < ADULT_YEARS <= oldest or oldest > LONGEST_LIFE:
        return None
    return round((oldest + youngest) / 2, 2)


def _day(text: str | None) -> date | None:
    """``YYYYMMDD``, with separators or a time behind it as some write it, or ``DD.MM.YYYY``."""
    text = re.sub(r"^(\d\d)\.(\d\d)\.(\d{4})$", r"\3\2\1", (text or "").strip())
    found = re.match(r"(\d{4})([-./ ]?)(\d\d)\2(\d\d)(?!\d(?:\d?\D|\d?$))", (text or "").strip())
    try:
        return date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        return None
