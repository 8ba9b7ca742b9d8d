"""Values of header elements; what is absent or makes no sense is None.

A scan has hundreds of files, each with some forty elements that matter, so values whose bytes are
plain (ASCII text, decimal strings, one short integer) are taken as they lie in the file. All others
are parsed by pydicom, and both ways give the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

_TEXT = {"AS", "DA", "DT", "LO", "SH", "TM", "UI"}


def has(dataset: Dataset, keyword: str) -> bool:
    """Whether the element is there, with a value or without."""
    return _known(keyword)[0] in dataset


def value(dataset: Dataset, keyword: str) -> Any:
    """The value of an element, or None where it is absent or its bytes make no sense."""
    if not has(dataset, keyword):
        return None
    kind, plain, little = _raw(dataset, keyword)
    if kind == "US" and len(plain) == 2:
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
    if not isinstance(found, str) and hasattr(found, "__iter__"):
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
    if found is None or found == "":
        return None
    parts = found if hasattr(found, "__iter__") and not isinstance(found, str) else (found,)
    return _finite(parts)


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


def _finite(parts: Iterable[Any]) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return None
    return numbers if numbers and all(abs(n) < 1e9 for n in numbers) else None


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
