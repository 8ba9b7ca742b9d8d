"""What the contact sheet shows of each study, in the plain form that both the page and the script
draw."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from molre.cohort.contact_strip import COLUMNS, shown_slices
from molre.model.eligibility import ScanFacts, withhold_reasons

FACTS = (
    "Slices", "Thickness", "Step", "Brain covered", "Tilt", "Pixel", "Kernel", "Tube", "Contrast",
    "Scanner", "Age", "Sex",
)  # fmt: skip
SENTENCES = ("reason", "notes", "head_reasons")  # which may name a file
WITHHELD, REPAIRED = "withheld", "repaired"  # filters that are not flags


@dataclass(frozen=True)
class Line:
    """A line of a section: text, then a fainter addition, and what a pointer finds out."""

    text: str
    more: str = ""
    title: str = ""


@dataclass(frozen=True)
class Section:
    """A titled list of lines."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Card:
    """One study.

    Attributes:
        key: of the study.
        path: where it lies; empty where no paths are shown.
        slices: numbers of the slices on the strip, 1-based.
        count: slices in the series.
        share: percent of the strip's full width.
        marks: names of its flags; ``withheld`` and ``repaired`` where that is so.
        badges: (class, text, sentence) for each thing to see at once.
        facts: values, in the order of `FACTS`.
        sections: the rest.
        score: of the chosen series; None where it was not stated.
        covered: mm of brain.
    """

    key: str
    path: str
    slices: tuple[int, ...]
    count: int
    share: float
    marks: tuple[str, ...]
    badges: tuple[tuple[str, str, str], ...]
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    score: float | None
    covered: float | None


def cards(
    rows: Iterable[dict[str, Any]], refused: Iterable[dict[str, str]], paths: bool = True
) -> Iterator[Card]:
    """One card per study, in the order of ``rows``.

    A card names no file but by ``path``, as folders and files may be named after patients.

    Args:
        rows: of scans.parquet, those of a study in any order.
        refused: rows of rejects.csv.
        paths: say where each study lies.
    """
    by_study: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_study[row["study"]].append(row)
    within: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    names: dict[str, set[str]] = defaultdict(set)
    for reject in refused:
        within[reject["study"]][reject["reason"]] += 1
        names[reject["study"]].add(reject["file"])
    for key, series in by_study.items():
        shown = series if paths else without_files(series, names[key])
        yield _card(key, shown, within.get(key, {}), paths)


def without_files(series: Iterable[dict[str, Any]], refused: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of a study, none of whose sentences names one of its files."""
    rows = list(series)
    whole = {file for row in rows for file in row.get("files") or ()} | set(refused)
    last = {re.split("[/!]", file)[-1] for file in whole} - {""}

    def hidden(text: Any) -> Any:
        if isinstance(text, list):
            return [hidden(one) for one in text]
        for name in sorted(last, key=len, reverse=True):
            if isinstance(text, str) and name in text:
                text = text.replace(name, "a file")
        return text

    return [row | {name: hidden(row[name]) for name in SENTENCES} for row in rows]


def flag_label(name: str) -> str:
    """``thick_slices`` as people write it."""
    return name.replace("_", " ").capitalize()


def _card(key: str, series: list[dict[str, Any]], refused: dict[str, int], paths: bool) -> Card:
    chosen = next(row for row in series if row["chosen"])
    shown = shown_slices(chosen["slices"])
    scan = ScanFacts.of_row(chosen)
    why = [reason.sentence for reason in withhold_reasons(scan, trained_on_synthetic=True)]
    of_patients = [reason.sentence for reason in withhold_reasons(scan, trained_on_synthetic=False)]
    some = tuple(Line(words) for words in of_patients if words not in why)
    marks = [WITHHELD] * bool(why) + [REPAIRED] * bool(chosen["notes"])
    return Card(
        key=key,
        path=chosen["path"] if paths else "",
        slices=tuple(index + 1 for index in shown),
        count=chosen["slices"],
        share=round(100 * len(shown) / COLUMNS, 3),
        marks=(*marks, *(name for name, _ in _flags(chosen))),
        badges=_badges(chosen, why),
        facts=_facts(chosen),
        sections=tuple(s for s in _sections(chosen, series, refused, some) if s.lines),
        score=chosen.get("score"),
        covered=chosen["coverage_mm"],
    )


def _flags(row: dict[str, Any]) -> list[tuple[str, str]]:
    names = row.get("flags") or []
    said = row.get("flag_words") or []
    return list(zip(names, [*said, *[""] * (len(names) - len(said))], strict=False))


def _badges(row: dict[str, Any], why: list[str]) -> tuple[tuple[str, str, str], ...]:
    flags = tuple(("flag", flag_label(name), words) for name, words in _flags(row))
    if why:
        return (("warn", "Will be withheld", "; ".join(why)), *flags)
    return (("good", "Whole head", ""), *flags)


def _sections(
    chosen: dict[str, Any],
    series: list[dict[str, Any]],
    refused: dict[str, int],
    some: tuple[Line, ...],
) -> Iterator[Section]:
    yield Section("Flags", tuple(Line(flag_label(n), words) for n, words in _flags(chosen)))
    yield Section("Chosen because", (Line(_scored(chosen)),))
    yield Section("Head check", tuple(Line(reason) for reason in chosen["head_reasons"] or []))
    yield Section("Withheld by a model of patients", some)
    yield Section("Repaired or unusual", tuple(Line(note) for note in chosen["notes"] or []))
    others = [row for row in series if not row["chosen"]]
    yield Section("Also eligible", tuple(Line(_series(row), _scored(row)) for row in others))
    yield Section("Refused in this study", tuple(_grouped(refused)))


def _scored(row: dict[str, Any]) -> str:
    """The stated score and what it is made of."""
    score = row.get("score")
    return row["reason"] if score is None else f"score {score:.2f}: {row['reason']}"


def _series(row: dict[str, Any]) -> str:
    thick = f" of {row['slice_thickness']:g} mm" if row["slice_thickness"] else ""
    kernel = f", kernel {row['kernel']}" if row["kernel"] else ""
    return f"{row['slices']} slices{thick}{kernel}"


def _grouped(by_reason: dict[str, int]) -> Iterator[Line]:
    """Refusals of a study, one line a reason; the files are in rejects.csv."""
    for reason, count in by_reason.items():
        yield Line(f"{count} file{'s' if count > 1 else ''} or series", reason)


def _facts(row: dict[str, Any]) -> tuple[str, ...]:
    """What to check about a series, in words; unknown is said, not left out."""
    scanner = " ".join(str(row[k]) for k in ("manufacturer", "model") if row[k])
    step = _number(row["step_mm"], "mm", 2)
    if row["even"] is False:
        step = f"median {step}, uneven"
    contrast = {True: "yes", False: "no", None: "unknown"}[row["contrast"]]
    return (
        str(row["slices"]),
        _number(row["slice_thickness"], "mm", 2),
        step,
        _number(row["coverage_mm"], "mm", 0),
        _number(row["tilt"], "°", 1),
        _number(row["pixel_spacing"], "mm", 3),
        row["kernel"] or "unknown",
        _number(row["kvp"], "kV", 0),
        contrast,
        scanner or "unknown",
        _number(row["age"], "y", 0),
        row["sex"] or "unknown",
    )


def _number(value: float | None, unit: str, digits: int) -> str:
    if value is None:
        return "unknown"
    space = "" if unit == "°" else "\N{NO-BREAK SPACE}"
    return f"{value:.{digits}f}{space}{unit}"
