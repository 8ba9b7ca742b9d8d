"""A report's words: one spelling for all ways to write them, each with its place in the text.

British and American spelling, plurals, hyphens, case and abbreviations become one form, so that
the grammar has each word once. The places are those of the text as given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019][a-z]\b)?|\d+(?:[.,]\d+)*|[^\w\s]|_")
_BRITISH = (
    ("haem", "hem"), ("oedem", "edem"), ("ischaem", "ischem"), ("anaem", "anem"),
    ("tumour", "tumor"), ("grey", "gray"), ("centre", "center"), ("colour", "color"),
    ("leuco", "leuko"), ("paed", "ped"), ("calibre", "caliber"), ("mould", "mold"),
    ("oesoph", "esoph"), ("aemia", "emia"), ("orrhoea", "orrhea"), ("foet", "fet"),
    ("visualis", "visualiz"), ("localis", "localiz"), ("generalis", "generaliz"),
    ("mineralis", "mineraliz"), ("characteris", "characteriz"), ("recognis", "recogniz"),
    ("normalis", "normaliz"), ("organis", "organiz"), ("pneumatis", "pneumatiz"),
    ("catheteris", "catheteriz"), ("medialis", "medializ"), ("embolis", "emboliz"),
)  # fmt: skip
_PREFIXES = frozenset(
    "intra extra non sub hypo hyper peri supra infra trans epi retro para post pre micro "
    "endo inter cephal pan oto pseudo pneumo ante bi sulco fronto temporo parieto occipito".split()
)
_HYPHENS = "-\u2010\u2011\u2013"
# without a hyphen, these and those are one word: "extra axial"
_JOINED = frozenset("intra extra non sub hypo hyper peri trans epi retro post".split())
_AFTER = frozenset(
    "axial dural galeal arachnoid cranial ventricular parenchymal cerebral displaced hemorrhagic "
    "dense density dural ependymal tentorial conal orbital bulbar acute cortical calvarial "
    "communicating traumatic operative surgical densities attenuation attenuating depressed "
    "contrast enhanced falcine mastoid".split()
)
# plurals that are not formed with an s, and other ways to write a word
_IRREGULAR = {
    "metastases": "metastasis", "stenoses": "stenosis", "thromboses": "thrombosis",
    "foci": "focus", "sulci": "sulcus", "gyri": "gyrus", "vertebrae": "vertebra",
    "lacunae": "lacune", "fossae": "fossa", "thalami": "thalamus", "nuclei": "nucleus",
    "diverticula": "diverticulum", "fxs": "fracture", "fx": "fracture",
    "ventrical": "ventricle", "ventricules": "ventricle", "hemorhage": "hemorrhage",
    "hemorrage": "hemorrhage", "hemmorhage": "hemorrhage", "hemmorrhage": "hemorrhage",
    "hemorrhagia": "hemorrhage", "infarctus": "infarct", "infarction": "infarct",
    "infarcted": "infarct", "fractured": "fracture", "bleeding": "bleed",
    "dilatation": "dilation", "hydrocephaly": "hydrocephalus", "extradural": "epidural",
    "tumoral": "tumor", "neoplasia": "neoplasm", "gases": "gas", "series": "series",
    "axes": "axis", "anastomoses": "anastomosis", "cortices": "cortex",
    "calvaria": "calvarium", "edematous": "edema", "swollen": "swelling", "globi": "globus",
    "pallidi": "pallidus", "antra": "antrum",
}  # fmt: skip
# end in an s that is not a plural's; words in -ss, -us and -is are known by their ending
_KEEP = frozenset("always atlas bias canvas does lens pancreas perhaps pons".split())


@dataclass(frozen=True)
class Word:
    """A word, or a sign.

    Attributes:
        norm: its one form, in lower case.
        start, end: its place in the text as given.
        raw: as given.
    """

    norm: str
    start: int
    end: int
    raw: str


def words(text: str, abbreviations: dict[str, tuple[str, ...]]) -> list[Word]:
    """A text's words in order.

    Args:
        text: as given.
        abbreviations: written out; those in capitals count only in capitals.
    """
    found: list[Word] = []
    matches = list(_TOKEN.finditer(text))
    i = 0
    while i < len(matches):
        match = matches[i]
        raw, start, end = match.group(), match.start(), match.end()
        if raw in _HYPHENS and _between_letters(text, start, end):
            i += 1
            continue
        taken, long = _abbreviation(text, matches, i, abbreviations)
        if long is not None:
            end = matches[i + taken - 1].end()
            found += [Word(word, start, end, text[start:end]) for word in long]
            i += taken
            continue
        norm = normal(raw)
        last = _end_of_joined(matches, i, norm) if norm in _PREFIXES else i
        if last > i:
            norm, end = normal(norm + matches[last].group().lower()), matches[last].end()
        found.append(Word(norm, start, end, text[start:end]))
        i = last + 1
    return found


def phrase(text: str, abbreviations: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The forms of a phrase of the grammar."""
    return tuple(word.norm for word in words(text, abbreviations))


@lru_cache(maxsize=50_000)  # identifiers and misspellings of a large table have no end
def normal(raw: str) -> str:
    """The one form of a word."""
    word = raw.lower().replace("\u2019", "'")
    word = word.removesuffix("'s")
    if not word.isalpha():
        return word
    for british, american in _BRITISH:
        word = word.replace(british, american)
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return _singular(word)


def _singular(word: str) -> str:
    if (
        len(word) < 4
        or not word.endswith("s")
        or word in _KEEP
        or word.endswith(("ss", "us", "is"))
    ):
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "uses")):
        word = word[:-2]
    else:
        word = word[:-1]
    return _IRREGULAR.get(word, word)


def _between_letters(text: str, start: int, end: int) -> bool:
    return start > 0 and end < len(text) and text[start - 1].isalnum() and text[end].isalnum()


def _end_of_joined(matches: list[re.Match[str]], i: int, prefix: str) -> int:
    """Which token ends the word that a prefix begins: ``extra-axial``, ``extra axial``."""
    here, *following = matches[i : i + 3]
    if len(following) == 2 and following[0].group() in _HYPHENS:
        hyphen, rest = following
        near = hyphen.start() == here.end() and rest.start() == hyphen.end()
        return i + 2 if near and rest.group().isalpha() else i
    alone = prefix in _JOINED and following and following[0].group().lower() in _AFTER
    return i + 1 if alone else i


def _abbreviation(
    text: str, matches: list[re.Match[str]], i: int, table: dict[str, tuple[str, ...]]
) -> tuple[int, tuple[str, ...] | None]:
    """How many tokens an abbreviation takes, and what it stands for."""
    start = matches[i].start()
    for taken in (4, 3, 2, 1):
        if i + taken > len(matches):
            continue
        piece = text[start : matches[i + taken - 1].end()]
        if len(piece) > 12 or " " in piece or "\n" in piece:
            continue
        for form in (piece, piece.removesuffix("s") if len(piece) > 2 else piece):
            if form in table:
                return taken, table[form]
        lower = piece.lower()
        if lower in table and lower != piece:
            return taken, table[lower]
    return 0, None
