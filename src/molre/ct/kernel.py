"""Whether a convolution kernel shows soft tissue or bone, from the makers' own names."""

from __future__ import annotations

import re
from typing import Literal

Sharpness = Literal["soft", "sharp", "unknown"]

_GE_SOFT = re.compile(r"^(SOFT|STANDARD|STND|STD|BRAIN|HEAD|SMOOTH|MEDIUM|ROUTINE)")
_WORD_SHARP = re.compile(r"^(BONE|EDGE|LUNG|ULTRA|SHARP|DETAIL|IAC|INNER)")
_SIEMENS = re.compile(r"^[A-Z][A-Z]?(\d{2})[A-Z]?")  # H31s, J40s, Hr38, Qr40, B60f
_TOSHIBA = re.compile(r"^FC(\d{2})")
_PHILIPS_SOFT = {"UA", "UB", "A", "B", "C", "EA", "EB"}
_PHILIPS_SHARP = {"UC", "D", "E", "L", "EC", "YA", "YB", "YC", "YD", "YE"}
_SAYS_SHARP = re.compile(
    r"bone|knochen|osseu|\bos\b|hueso|\bosso|sharp|edge|lung|\biac\b|petrous|felsenbein"
    r"|hr[ _]?head",
    re.I,
)
_SAYS_SOFT = re.compile(
    r"brain|soft|\bstd\b|standard|hirn|cerebr|encephal|cerveau|plain|smooth|weich|parenchym", re.I
)


def sharpness(kernel: str | None, description: str | None = None) -> Sharpness:
    """Judge a kernel, or the series description where the kernel's name says nothing.

    Args:
        kernel: (0018,1210), several values joined by a backslash.
        description: (0008,103E).
    """
    name = (kernel or "").split("\\")[0].strip().upper()
    found = _by_name(name)
    if found != "unknown":
        return found
    words = f"{kernel or ''} {description or ''}"
    if _SAYS_SHARP.search(words):
        return "sharp"
    return "soft" if _SAYS_SOFT.search(words) else "unknown"


def _by_name(name: str) -> Sharpness:
    if _GE_SOFT.match(name) or name in _PHILIPS_SOFT:
        return "soft"
    if _WORD_SHARP.match(name) or name in _PHILIPS_SHARP:
        return "sharp"
    toshiba = _TOSHIBA.match(name)
    if toshiba:  # 30s inner ear and bone, 50s lung, 80s high resolution
        return "sharp" if toshiba[1][0] in "358" else "soft"
    siemens = _SIEMENS.match(name)
    if siemens:
        return "sharp" if int(siemens[1]) >= 50 else "soft"
    return "unknown"
