"""Report texts as exports hold them: HTML, RTF and control characters become plain text."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_TAG = re.compile(
    r"<\s*/?\s*(?:p|br|div|span|b|i|u|html|body|table|tr|td|ul|li|strong|font|h\d)\b[^>]*>",
    re.IGNORECASE,
)
_BLOCKS = frozenset(
    ["p", "br", "div", "tr", "li", "table", "ul", "h1", "h2", "h3", "h4", "h5", "h6"]
)
_RTF_SKIPPED = re.compile(
    r"\{\\(?:\*|fonttbl|colortbl|stylesheet|info|pict|header|footer)[^{}]*(?:\{[^{}]*\}[^{}]*)*\}"
)
_RTF_UNICODE = re.compile(r"\\u(-?\d+)\s?\??")
_RTF_BYTE = re.compile(r"\\'([0-9a-fA-F]{2})")
_RTF_BREAK = re.compile(r"\\(?:par|line|sect|row)\b\s?")
_RTF_WORD = re.compile(r"\\[a-zA-Z]+-?\d*\s?|[{}]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2060\ufeff]")


def plain_text(cell: str) -> str:
    """A cell's text without markup and control characters, its line breaks kept.

    Args:
        cell: as the table holds it; ``<`` and ``>`` alone ("shift <5 mm") are not markup.
    """
    if cell.lstrip().startswith("{\\rtf"):
        cell = _without_rtf(cell)
    elif _TAG.search(cell):
        cell = _without_html(cell)
    elif "&" in cell:
        cell = html.unescape(cell)
    cell = cell.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    return _CONTROL.sub("", cell).strip()


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script")
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script") and self._hidden > 0
        if tag in _BLOCKS and tag != "br":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def _without_html(cell: str) -> str:
    parser = _Text()
    # "<5 mm" would open a tag for the parser
    parser.feed(re.sub(r"<(?=\s*[\d=])", "&lt;", cell))
    parser.close()
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _without_rtf(cell: str) -> str:
    cell = _RTF_SKIPPED.sub("", cell)
    cell = re.sub(r"[\r\n]+", "", cell)  # of the file, not of the text
    cell = _RTF_BREAK.sub("\n", cell)
    cell = _RTF_UNICODE.sub(lambda m: chr(int(m[1]) % 65536), cell)
    cell = _RTF_BYTE.sub(lambda m: bytes.fromhex(m[1]).decode("cp1252", "replace"), cell)
    cell = cell.replace("\\tab", " ").replace("\\~", " ").replace("\\_", "-")
    return _RTF_WORD.sub("", cell.replace("\\{", "(").replace("\\}", ")"))
