"""How spreadsheets spell an identifier: what is certainly the same, and what only may be.

Sure are Unicode's composed and decomposed forms, space around, quotes around, and ``="00123"``, by
which a spreadsheet keeps text as text. Whatever loses characters (zeros in front, a number with a
decimal point, thousands' separators, 1.23E+05, case, full-width digits) is a guess: it is
suggested, never assumed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

LONGEST = 16  # characters of an accession number or a Patient ID in DICOM (SH; LO in practice)
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_THOUSANDS = re.compile(r"\d{1,3}([,.'\u2019\u00a0\u202f ])\d{3}(?:\1\d{3})*")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d{1,2}")


def is_number(name: str) -> bool:
    """Whether a name is a bare number, or a date: it has no letter and is not a UID."""
    plain = unicodedata.normalize("NFKC", name)
    return not any(c.isalpha() for c in plain) and plain.count(".") < 3


def same(name: str) -> tuple[str, ...]:
    """The name as it stands first, then all that surely is the same."""
    bare = _bare(name)
    forms = [unicodedata.normalize(form, one) for one in (name, bare) for form in ("NFC", "NFD")]
    return tuple(dict.fromkeys([name, bare, *forms]))


def folded(name: str) -> str:
    """One form of all that surely is the same."""
    return unicodedata.normalize("NFC", _bare(name))


def guesses(name: str) -> Iterator[tuple[str, str]]:
    """Names that it may have been before characters were lost, and how they were lost."""
    bare = unicodedata.normalize("NFKC", _bare(name))
    if bare != folded(name):
        yield bare, "it is written in full-width characters"
    for shorter, how in _as_number(bare):
        yield shorter, how
        yield from _with_zeros(shorter, how)
    yield from _with_zeros(bare, "leading zeros were lost")
    if bare.isdigit() and bare != bare.lstrip("0"):
        yield bare.lstrip("0"), "leading zeros were added"
    for one in dict.fromkeys([bare.upper(), bare.lower(), bare.capitalize()]):
        if one != bare:
            yield one, "case differs"
    close = re.sub(r"[\s_-]+", "", bare)
    if close != bare:
        yield close, "spaces or hyphens differ"


def is_scientific(name: str) -> bool:
    """Whether a spreadsheet made it a number of a few digits and an exponent."""
    return bool(_SCIENTIFIC.fullmatch(_bare(name)))


def _as_number(bare: str) -> Iterator[tuple[str, str]]:
    if re.fullmatch(r"\d+[.,]0*", bare):
        yield re.split("[.,]", bare)[0], "it became a number with a decimal point"
    if _THOUSANDS.fullmatch(bare):
        yield re.sub(r"\D", "", bare), "it became a number with separators"
    if _SCIENTIFIC.fullmatch(bare):
        value = Decimal(bare.replace(",", "."))
        if value == value.to_integral_value():
            yield str(int(value)), "it became a number in scientific notation"


def _with_zeros(digits: str, how: str) -> Iterator[tuple[str, str]]:
    if digits.isascii() and digits.isdigit():
        more = how if how.startswith("leading") else f"{how}, and leading zeros were lost"
        for width in range(len(digits) + 1, LONGEST + 1):
            yield digits.zfill(width), more


def _bare(name: str) -> str:
    """Without space, invisible characters and quotes around it, and without a formula's mark."""
    text = _stripped(name)
    if text.startswith('="') and text.endswith('"') and len(text) > 3:
        text = text[1:]
    if len(text) > 2 and _QUOTES.get(text[0]) == text[-1]:
        return _stripped(text[1:-1].replace('""', '"'))
    return text[1:] if len(text) > 1 and text[0] == "'" and "'" not in text[1:] else text


def _stripped(text: str) -> str:
    """Without space and characters of format (byte order marks, zero-width spaces) around it."""
    first, last = 0, len(text)
    while first < last and _is_blank(text[first]):
        first += 1
    while last > first and _is_blank(text[last - 1]):
        last -= 1
    return text[first:last]


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc")
