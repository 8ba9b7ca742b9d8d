"""COHORT/index.html, the contact sheet: every study at a glance, before any model is involved.

The page holds the first studies and is whole without script. ``index.js`` beside it holds all
studies and draws those that a filter leaves, a page at a time. Both open by file:// and load
nothing but the strips, when they are scrolled to.
"""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl

import molre.cohort.rejects as rejects_csv
from molre import files
from molre.cohort.cohort import Cohort
from molre.cohort.contact_strip import COLUMNS, ROWS, size_of
from molre.output import page
from molre.output.cohort.cards import FACTS, REPAIRED, WITHHELD, Card, cards, flag_label

PER_PAGE = 50  # studies
REJECTS_SHOWN = 200  # all are in rejects.csv
UNUSED = ("files", "aliases", "date", "content_hash", "pixel_hash")


def write_contact_sheet(cohort: Cohort, paths: bool = True) -> Path:
    """Write the contact sheet of a cohort from its tables and strips.

    Args:
        cohort: ingested.
        paths: say, behind a click, where each study and refused file lies.

    Returns:
        Path of the page.
    """
    unused = [name for name in UNUSED if paths or name != "files"]
    scans = cohort.scans().sort("path", "study").drop(*unused, strict=False)
    refused = rejects_csv.read_rejects(cohort.path / "rejects.csv")
    rows = scans.iter_rows(named=True)
    studies = list(cards(rows, refused, paths))
    summary = _summary(studies, scans, len(refused))
    files.write_text(cohort.path / "index.js", script(studies))
    first = cohort.path / "index.html"
    page.write(
        first,
        "cohort.html.j2",
        title=f"{summary['studies']} studies, {summary['rejects']} refused",
        kind="contact sheet",
        synthetic=cohort.synthetic,
        summary=summary,
        paths=paths,
        fact_names=FACTS,
        studies=studies[:PER_PAGE],
        filters=_filters(studies),
        rejects=_rejects(refused, set(scans["study"])),
        strip_size=size_of(COLUMNS, len(ROWS)),
    )
    for old in cohort.path.glob("index-*.html"):  # pages that earlier versions wrote
        old.unlink()
    return first


def script(studies: list[Card]) -> str:
    """index.js: the studies as data, then the program that draws them.

    The data is JSON in ASCII with ``<`` escaped, so that nothing in it can end a script or a line.
    """
    words: dict[str, int] = {}
    data = {
        "perPage": PER_PAGE,
        "facts": FACTS,
        "strip": size_of(COLUMNS, len(ROWS)),
        "studies": [_compact(card, words) for card in studies],
        "words": list(words),
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    quoted = json.dumps(text).replace("<", "\\u003c")
    program = resources.files("molre.output") / "templates" / "cohort.js"
    return f"const molreCohort = JSON.parse({quoted});\n{program.read_text(encoding='utf-8')}"


def _compact(card: Card, words: dict[str, int]) -> list[Any]:
    """A card as an array; every text that may repeat is its number in ``words``."""

    def of(text: str) -> int:
        return words.setdefault(text, len(words))

    return [
        card.key,
        card.path,
        card.count,
        card.slices,
        card.share,
        card.score,
        card.covered,
        [of(mark) for mark in card.marks],
        [[of(part) for part in badge] for badge in card.badges],
        [of(fact) for fact in card.facts],
        [
            [
                of(part.title),
                [[of(line.text), of(line.more), of(line.title)] for line in part.lines],
            ]
            for part in card.sections
        ],
    ]


def _filters(studies: list[Card]) -> list[tuple[str, str, int]]:
    """(mark, label, studies) for each mark that is there: the two of every sheet, then flags."""
    counts = Counter(mark for card in studies for mark in card.marks)
    labels = {WITHHELD: "Will be withheld", REPAIRED: "Repaired or unusual"}
    flags = sorted((m for m in counts if m not in labels), key=lambda mark: (-counts[mark], mark))
    named = {**labels, **{mark: flag_label(mark) for mark in flags}}
    return [(mark, label, counts[mark]) for mark, label in named.items() if counts[mark]]


def _summary(studies: list[Card], scans: pl.DataFrame, rejects: int) -> dict[str, int]:
    return {
        "studies": len(studies),
        "patients": scans["patient"].n_unique(),
        "series": scans.height,
        "withheld": sum(WITHHELD in card.marks for card in studies),
        "repaired": sum(REPAIRED in card.marks for card in studies),
        "flagged": sum(bool(set(card.marks) - {WITHHELD, REPAIRED}) for card in studies),
        "rejects": rejects,
    }


def _rejects(refused: list[dict[str, str]], known: set[str]) -> list[dict[str, str | bool]]:
    """Rows for the table at the end, lost studies first; ``used``: its study is in the cohort."""
    rows: list[dict[str, str | bool]] = [{**r, "used": r["study"] in known} for r in refused]
    return sorted(rows, key=lambda row: bool(row["used"]))[:REJECTS_SHOWN]
