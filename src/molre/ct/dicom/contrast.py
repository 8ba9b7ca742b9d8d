"""Was contrast given? Read from words, as people write them; what they leave open stays unknown.

Contrast/Bolus Agent (0018,0010) is one table, a description another, each in English, German,
French, Spanish and a little Italian, Portuguese, Dutch, Russian, Chinese and Japanese. The name of
an examination "without and with" says nothing of one series. Of several descriptions the one
nearest to the series decides: Series Description (0008,103E), then the protocol, then the study.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

from molre.ct.dicom import contrast_words


class Said(Enum):
    """What a text says about contrast."""

    NOTHING = "nothing"
    GIVEN = "with contrast"
    PLAIN = "without contrast"
    BOTH = "with and without contrast"
    UNKNOWN = "unknown"


_BOTH, _PLAIN, _WEAK_PLAIN, _GIVEN, _VESSELS, _NO_AGENT, _UNKNOWN_AGENT, _NOT_THIS_AGENT = (
    re.compile(unicodedata.normalize("NFKD", pattern))  # as the texts are
    for pattern in (
        contrast_words.BOTH,
        contrast_words.PLAIN,
        contrast_words.WEAK_PLAIN,
        contrast_words.GIVEN,
        contrast_words.VESSELS,
        contrast_words.NO_AGENT,
        contrast_words.UNKNOWN_AGENT,
        contrast_words.NOT_THIS_AGENT,
    )
)
LONGEST = 256  # characters of a text that are read; LO has 64


@lru_cache(maxsize=256)
def of_agent(text: str | None) -> Said:
    """What Contrast/Bolus Agent (0018,0010) says; any name that is not a denial is an agent."""
    words = folded(text).strip(" .,!()<>")
    if not words:
        return Said.NOTHING
    if _UNKNOWN_AGENT.fullmatch(words):
        return Said.UNKNOWN
    if _NO_AGENT.fullmatch(words) or _NOT_THIS_AGENT.search(words):
        return Said.PLAIN
    said = of_description(text)
    return Said.GIVEN if said is Said.NOTHING else said


@lru_cache(maxsize=1024)  # the slices of a series have one
def of_description(text: str | None, *, whole_study: bool = False) -> Said:
    """What a description says.

    Args:
        text: of a series, a protocol or a procedure.
        whole_study: it names all series of a study. One of the vessels begins before the
            injection, so that "CTA" there is with and without.
    """
    words = folded(text)
    if not words:
        return Said.NOTHING
    if _BOTH.search(words):
        return Said.BOTH
    rest, plain = _PLAIN.subn(" ", words)
    vessels = _VESSELS.search(rest)
    if vessels and whole_study:
        return Said.BOTH
    if vessels or _GIVEN.search(rest.strip()):
        return Said.BOTH if plain else Said.GIVEN
    return Said.PLAIN if plain or _WEAK_PLAIN.search(words) else Said.NOTHING


def nearest(levels: Iterable[Iterable[Said]]) -> Said:
    """The first level that says anything; texts of one level that disagree are both."""
    for level in levels:
        said = {one for one in level if one is not Said.NOTHING}
        if said:
            return said.pop() if len(said) == 1 else Said.BOTH
    return Said.NOTHING


def decided(agent: Said, words: Said) -> tuple[bool | None, str | None]:
    """Contrast by the agent and the descriptions, and what to note where they leave it open."""
    if agent is Said.GIVEN:
        contradicted = words is Said.PLAIN
        note = "an agent is named, but the description says without contrast: taken as given"
        return True, note if contradicted else None
    if words is Said.GIVEN:
        contradicted = agent is Said.PLAIN
        note = "no agent was given, but the description says with contrast: taken as given"
        return True, note if contradicted else None
    if Said.BOTH in (agent, words):
        return None, "contrast is unknown: the descriptions are of series with and without it"
    if Said.PLAIN in (agent, words):
        return False, None
    return None, "contrast is unknown, according to the header" if agent is Said.UNKNOWN else None


def folded(text: str | None) -> str:
    """Lower case, without accents; separators are spaces."""
    plain = unicodedata.normalize("NFKD", (text or "")[:LONGEST].replace("±", "+/-"))
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("ß", "ss")
    return re.sub(r"[_^\\;:\[\]{}|*\"'#\s]+", " ", plain).strip()
