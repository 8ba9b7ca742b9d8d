from __future__ import annotations

import pytest

from molre.labels.reports.plain_text import plain_text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<p>No hemorrhage.</p><p>Shift &lt;5&nbsp;mm.</p>", "No hemorrhage.\n\nShift <5 mm."),
        ("<div>Shift <5 mm<br/>Atrophy</div>", "Shift <5 mm\nAtrophy"),
        ("Shift <5 mm and >2 mm", "Shift <5 mm and >2 mm"),
        ("Gray &amp; white", "Gray & white"),
        (r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0 No \b acute\b0  bleed.\par Old infarct.}",
         "No acute bleed.\nOld infarct."),
        ("\ufeffNo\x00 bleed\r\nNo shift", "No bleed\nNo shift"),
        ("<style>p {color: red}</style><p>Atrophy</p>", "Atrophy"),
    ],
)  # fmt: skip
def test_markup_becomes_text(cell: str, text: str) -> None:
    assert plain_text(cell) == text
