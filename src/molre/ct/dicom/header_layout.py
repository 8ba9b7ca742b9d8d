"""Where the elements of a plain header lie, by its bytes; what is not plain is left to pydicom.

A header is plain where no reader could find other elements in it than the next one: preamble and
meta information as Part 10 has them, little endian, tags ascending, VRs of the standard, each
length ending where the next tag begins, pixel data at the end. Nothing is interpreted here.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR

from molre.ct.dicom.syntax import BIG_ENDIAN, DECODERS, NATIVE

TRANSFER_SYNTAX, STUDY_UID, PIXEL_DATA = 0x00020010, 0x0020000D, 0x7FE00010

_IMPLICIT = b"1.2.840.10008.1.2"
_SYNTAXES = {uid.encode() for uid in (NATIVE | set(DECODERS)) - {BIG_ENDIAN}}


def _codes(vrs: str) -> frozenset[int]:
    """VRs as numbers, which are found faster than bytes."""
    return frozenset(int.from_bytes(vr, "little") for vr in vrs.encode().split())


_SHORT = _codes("AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US")
_LONG = _codes("OB OD OF OL OV OW SQ SV UC UN UR UT UV")
(_SQ,), (_UI,) = _codes("SQ"), _codes("UI")
_META_STARTS = b"DICM\2\0\0\0UL\4\0"  # and the bytes of meta information that follow
_META_AT, _META_VALUES_AT = 128, 144
_FIRST_TAG, _PIXELS = 0x00080000, 0x7FE00008
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_CHARACTER_SET = 0x00080005
_UNDEFINED = 0xFFFFFFFF
_DEEPEST = 8

_explicit = struct.Struct("<HHHH").unpack_from
_implicit = struct.Struct("<HHL").unpack_from
_long = struct.Struct("<L").unpack_from


class _NotPlainError(Exception):
    """A parser has to judge."""


@dataclass(frozen=True)
class Layout:
    """Named elements of a header.

    Attributes:
        implicit: no VRs are written.
        elements: each one's bytes from its tag to the end of its value, by tag, ascending; with the
            meta information's.
        stop: offset of the first element at or beyond the last that was asked for.
    """

    implicit: bool
    elements: dict[int, bytes]
    stop: int

    def value(self, tag: int, vr: bytes) -> bytes:
        """The value of an element with this short VR; empty where absent or of another VR."""
        return value_of(self.elements.get(tag, b""), vr, self.implicit)


def value_of(element: bytes, vr: bytes, implicit: bool) -> bytes:
    """The value of an element, by its bytes, as `Layout.value`."""
    return element[8:] if implicit or element[4:6] == vr else b""


def layout(head: bytes, named: Collection[int], last: int = _PIXELS - 1) -> Layout | None:
    """Find elements in the first bytes of a file; None where it is not plain, or longer.

    Args:
        head: the first bytes of a file.
        named: tags to keep, of the data set and of the meta information.
        last: the tag to look up to. Without it the header must be plain up to its pixel data.
    """
    try:
        at, implicit, found = _meta(head, named)
        if implicit:
            # an implicit length that looks like a VR is taken for one
            if head[at + 4 : at + 6].isalpha() and head[at + 4 : at + 6].isupper():
                return None
            stop, tag = _walk_implicit(head, at, named, last, found)
        else:
            stop, tag = _walk_explicit(head, at, named, last, found)
    except (_NotPlainError, struct.error):
        return None
    if tag != PIXEL_DATA and last >= _PIXELS - 1:
        return None
    return Layout(implicit, found, stop)


def _meta(head: bytes, named: Collection[int]) -> tuple[int, bool, dict[int, bytes]]:
    """Where the data set begins, whether it is implicit, and the elements of group 2."""
    start = head[_META_AT:_META_VALUES_AT]
    if not start.startswith(_META_STARTS):
        raise _NotPlainError
    end = _META_VALUES_AT + int.from_bytes(start[-4:], "little")
    at, before, found, syntax = _META_VALUES_AT, 0x00020000, dict[int, bytes](), b""
    while at < end:
        first, (group, number, vr, length) = at, _explicit(head, at)
        tag, at = group << 16 | number, at + 8
        if vr in _LONG:
            (length,) = _long(head, at)
            at += 4
        elif vr not in _SHORT:
            raise _NotPlainError
        at += length
        if group != 2 or tag <= before or length == _UNDEFINED:
            raise _NotPlainError
        before = tag
        if tag == TRANSFER_SYNTAX and vr == _UI:
            syntax = head[at - length : at]
        if tag in named:
            found[tag] = head[first:at]
    syntax = syntax[:-1] if syntax.endswith(b"\0") else syntax
    if at != end or syntax not in _SYNTAXES:
        raise _NotPlainError
    return at, syntax == _IMPLICIT, found


def _walk_explicit(
    head: bytes, at: int, named: Collection[int], last: int, found: dict[int, bytes]
) -> tuple[int, int]:
    """Fill ``found``; the offset and tag of the first element beyond ``last``."""
    before = _FIRST_TAG - 1
    while True:
        group, number, vr, length = _explicit(head, at)
        tag, first = group << 16 | number, at
        if not before < tag <= last:
            if tag <= before:
                raise _NotPlainError
            return _end(head, at, tag)
        before = tag
        if vr in _SHORT:
            at += 8 + length
        elif vr in _LONG:
            (length,) = _long(head, at + 8)
            if length == _UNDEFINED:
                if vr != _SQ or tag in named:
                    raise _NotPlainError
                at = _sequence_end(head, at + 12, False, 0)
                continue
            at += 12 + length
        else:
            raise _NotPlainError
        if tag in named:
            found[tag] = head[first:at]


def _walk_implicit(
    head: bytes, at: int, named: Collection[int], last: int, found: dict[int, bytes]
) -> tuple[int, int]:
    before = _FIRST_TAG - 1
    while True:
        group, number, length = _implicit(head, at)
        tag = group << 16 | number
        if tag <= before:
            raise _NotPlainError
        if tag > last:
            return _end(head, at, tag)
        before, first = tag, at
        if length == _UNDEFINED:
            if tag in named or not _is_sequence(tag):
                raise _NotPlainError
            at = _sequence_end(head, at + 8, True, 0)
            continue
        at += 8 + length
        if tag in named:
            found[tag] = head[first:at]


def _end(head: bytes, at: int, tag: int) -> tuple[int, int]:
    if at + 12 > len(head) or _PIXELS <= tag < PIXEL_DATA:
        raise _NotPlainError
    return at, tag


def _is_sequence(tag: int) -> bool:
    """By the data dictionary, which has no private elements."""
    try:
        return dictionary_VR(tag) == "SQ"
    except KeyError:
        return False


def _sequence_end(head: bytes, at: int, implicit: bool, depth: int) -> int:
    """Where a sequence of undefined length ends; its items are walked as a parser does."""
    if depth > _DEEPEST:
        raise _NotPlainError
    while True:
        group, number, length = _implicit(head, at)
        tag, at = group << 16 | number, at + 8
        if tag == _SEQUENCE_END and length == 0:
            return at
        if tag != _ITEM:
            raise _NotPlainError
        if length == _UNDEFINED:
            at = _item_end(head, at, implicit, None, depth)
        elif length:
            at = _item_end(head, at, implicit, at + length, depth)


def _item_end(head: bytes, at: int, implicit: bool, end: int | None, depth: int) -> int:
    """Where an item ends: at ``end``, or where its delimiter does."""
    before = _FIRST_TAG - 1
    while at != end:
        group, number, length = _implicit(head, at)
        tag = group << 16 | number
        if end is None and tag == _ITEM_END and length == 0:
            return at + 8
        if tag <= before or group >= 0xFFFE or tag == _CHARACTER_SET:
            raise _NotPlainError
        before, at = tag, at + 8
        sequence = implicit and length == _UNDEFINED and _is_sequence(tag)
        if not implicit:
            vr = int.from_bytes(head[at - 4 : at - 2], "little")
            length = int.from_bytes(head[at - 2 : at], "little")
            if vr in _LONG:
                (length,) = _long(head, at)
                at, sequence = at + 4, vr == _SQ
            elif vr not in _SHORT:
                raise _NotPlainError
        if length == _UNDEFINED:
            if not sequence:
                raise _NotPlainError
            at = _sequence_end(head, at, implicit, depth + 1)
        else:
            at += length
        if at > (len(head) if end is None else end):
            raise _NotPlainError
    return at
