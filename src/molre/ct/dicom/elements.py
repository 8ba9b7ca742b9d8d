"""Values of header elements; what is absent or makes no sense is None.

A scan has hundreds of files, each with some forty elements that matter, so values whose bytes are
plain (ASCII text, decimal strings, one short integer) are taken as they lie in the file. All others
are parsed by pydicom, and both ways give the same. What pydicom cannot make a number of is read as
people and programs write it: under another VR, with a unit, with a decimal comma. A comma before
three digits may separate thousands, too; such a number is only read where that would be absurd.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import PersonName

_TEXT = {"AS", "DA", "DT", "LO", "SH", "TM", "UI"}
_NUMBER = re.compile(
    r"[\s\0]*([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?)\s*(?:mm|hu|kvp?|ma)?[\s\0]*", re.I
)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
# beyond what any CT has; "1,250" under such an element is 1.25
_LARGEST = {
    "PixelSpacing": 10.0, "SliceThickness": 100.0, "ImagePositionPatient": 5000.0,
    "ImageOrientationPatient": 1.0, "RescaleSlope": 100.0, "KVP": 500.0,
}  # fmt: skip


def has(dataset: Dataset, keyword: str) -> bool:
    """Whether the element is there, with a value or without."""
    return _known(keyword)[0] in dataset


def value(dataset: Dataset, keyword: str) -> Any:
    """The value of an element, or None where it is absent or its bytes make no sense."""
    if not has(dataset, keyword):
        return None
    kind, plain, little = _raw(dataset, keyword)
    short = kind == "US" or (kind in ("OB", "OW", "UN") and _known(keyword)[1] == "US")
    if short and len(plain) == 2:
        return int.from_bytes(plain, "little" if little else "big")
    try:
        return dataset.get(keyword)
    except Exception:  # any broken element counts as absent; the file as a whole is judged later
        return None


def text(dataset: Dataset, keyword: str) -> str | None:
    """The value as stripped text, several values joined by a backslash; None where empty."""
    if not has(dataset, keyword):
        return None
    kind, raw, _ = _raw(dataset, keyword)
    plain = plain_text(kind, raw)
    if plain is not None:
        return plain or None
    found = value(dataset, keyword)
    if found is None or isinstance(found, Sequence):  # items under a tag that has none
        return None
    if isinstance(found, bytes):
        found = found.decode("latin-1")
    if not isinstance(found, (str, PersonName)) and hasattr(found, "__iter__"):
        found = "\\".join(str(part) for part in found)
    return str(found).strip(" \0") or None


def number(dataset: Dataset, keyword: str) -> float | None:
    """The (first) value as a finite float; None where absent or not a number."""
    numbers = floats(dataset, keyword)
    return numbers[0] if numbers else None


def floats(dataset: Dataset, keyword: str) -> tuple[float, ...] | None:
    """All values as finite floats; None where absent, empty or not numbers."""
    kind, raw, _ = _raw(dataset, keyword)
    plain = _plain_parts(kind, raw)
    found: Any = value(dataset, keyword) if plain is None else plain
    if plain is None and found == "":
        return None
    if found is not None and not isinstance(found, (bytes, Sequence)):
        listed = hasattr(found, "__iter__") and not isinstance(found, str)
        numbers = _finite(found if listed else (found,))
        if numbers is not None:
            return numbers
    return _as_written(keyword, written(dataset, keyword))


def written(dataset: Dataset, keyword: str) -> str:
    """The element's characters as they lie in the file, as far as it holds any."""
    _, raw, _ = _raw(dataset, keyword)
    return raw.decode("latin-1").rstrip(" \0") if raw else text(dataset, keyword) or ""


def doubt(dataset: Dataset, keyword: str, count: int) -> tuple[bool, str] | None:
    """Whether an element's numbers were read, and a sentence, where they are not written as usual.

    Args:
        dataset: that holds the element, or not.
        keyword: an element of numbers.
        count: how many it must hold.
    """
    kind, raw, _ = _raw(dataset, keyword)
    if kind == "DS" and len(plain_floats(kind, raw) or ()) == count:
        return None
    words = written(dataset, keyword) if has(dataset, keyword) else ""
    if not words:
        return None
    tag, usual = _known(keyword)
    name = f"{dictionary_description(tag)} ({tag.group:04X},{tag.element:04X})"
    numbers = floats(dataset, keyword)
    if numbers is None and "," in words:
        return False, f"{name} is written with a comma, which may be a decimal comma or not"
    if numbers is None or len(numbers) != count > 1:
        wanted = "a number" if count == 1 else f"{count} numbers"
        return False, f"{name} is not {wanted}"
    if "," in words:
        return True, f"{name} is written with a decimal comma: read as a point"
    other = dataset[tag].VR
    return (True, f"{name} has VR {other} instead of {usual}") if other != usual else None


def plain_text(kind: str, raw: bytes) -> str | None:
    """Bytes that say the same to any parser as stripped text; None where they do not.

    Args:
        kind: VR.
        raw: the element's value.
    """
    # pydicom strips each of several values, but not those of a CS
    single = kind == "CS" or (kind in _TEXT and b"\\" not in raw)
    if single and raw.isascii():
        stripped = raw.decode("ascii").strip(" \0")
        if stripped.isprintable():  # an escape begins another character set, in what seems ASCII
            return stripped
    return None


def plain_floats(kind: str, raw: bytes) -> tuple[float, ...] | None:
    """Bytes that say the same to any parser as finite floats; None where they do not.

    Args:
        kind: VR, DS or IS.
        raw: the element's value.
    """
    parts = _plain_parts(kind, raw)
    return None if parts is None else _finite(parts)


def _plain_parts(kind: str, raw: bytes) -> list[str] | None:
    if (kind == "DS" and raw.isascii()) or (kind == "IS" and raw.strip(b" \0").isdigit()):
        return raw.decode("ascii").rstrip(" \0").split("\\")
    return None


def _as_written(keyword: str, words: str) -> tuple[float, ...] | None:
    """Numbers with a unit or a decimal comma; None where one of them is neither."""
    found = [_NUMBER.fullmatch(part) for part in words.split("\\")]
    numbers = [match[1] for match in found if match]
    if len(numbers) != len(found):
        return None
    grouped = [one for one in numbers if _THOUSANDS.fullmatch(one)]
    decimal = any("," in one and one not in grouped for one in numbers)
    most = max((abs(float(one.replace(",", ""))) for one in grouped), default=0.0)
    if grouped and not decimal and most <= _LARGEST.get(keyword, 1e9):
        return None
    return _finite(one.replace(",", ".") for one in numbers)


def _finite(parts: Iterable[Any]) -> tuple[float, ...] | None:
    try:
        numbers = tuple(map(float, parts))
    except (TypeError, ValueError):
        return None
    return numbers if numbers and all([abs(n) < 1e9 for n in numbers]) else None


def _raw(dataset: Dataset, keyword: str) -> tuple[str, bytes, bool]:
    """VR, bytes and "little endian" of an element that pydicom has not parsed yet; else no VR."""
    tag, usual = _known(keyword)
    raw = dataset.get_item(tag, keep_deferred=True)
    if isinstance(raw, RawDataElement) and raw.value:
        return raw.VR or usual, raw.value, raw.is_little_endian
    return "", b"", True


@cache
def _known(keyword: str) -> tuple[BaseTag, str]:
    """Tag and VR by the data dictionary."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return BaseTag(tag), dictionary_VR(tag)
