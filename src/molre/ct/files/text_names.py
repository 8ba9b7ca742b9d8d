r"""Names of files that are not valid text, written as text and found again.

A name on a disk is bytes. Python holds those that are not UTF-8 as lone surrogates (PEP 383), which
no table, page or terminal takes. They are written as ``\xe9``; opening a written name that does
not exist tries those bytes.
"""

from __future__ import annotations

import re

_LONE = re.compile("[\ud800-\udfff]")
_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


def written(name: str) -> str:
    r"""A name as text: bytes that are not UTF-8 as ``\xe9``, any other surrogate as ``\ud800``."""
    return name if name.isascii() else _LONE.sub(_escaped, name)


def on_disk(name: str) -> str:
    """The name that was written so, where it held bytes that are not UTF-8."""
    return _BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), name)


def one_line(name: str) -> str:
    """A written name for a terminal: neither a line break in it nor a command to the terminal."""
    text = written(name)
    return text if text.isprintable() else "".join(map(_shown, text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _shown(character: str) -> str:
    plain = character.isprintable() or character == "\N{NO-BREAK SPACE}"
    return character if plain else character.encode("unicode_escape").decode()
