"""Everything that evaluating a run wrote, against the same run evaluated again beside it.

A scratch folder holds links to the run's files; ``molre evaluate`` is run there and replaces the
links that it writes. So each table is recomputed by what made it, and a table that a later molre
adds is checked as well, without a word here.
"""

from __future__ import annotations

import difflib
import html
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from molre.audit.check import FAIL, NUMBERS, Check, compared, not_checked
from molre.audit.differences import cells, leaves, mapping_differences, table_differences
from molre.audit.run_under_audit import Opened, read_json, read_table
from molre.errors import MolreError
from molre.evaluation.further_tables import NAMES
from molre.workflows.evaluate_run import evaluate_and_report

NAME = "evaluation from predictions.parquet"
_KEYS = ("finding", "dimension", "group", "rule", "point", "prevalence", "threshold", "study")
_EXAMPLES = re.compile(r"<h2>Example cases</h2>.*?(?=<h2>)", re.S)
# what of a report and a card only the cohort's own tables can give again
_COHORT = re.compile(
    r"<h2>(?:Subgroups|Sensitivity to the labels|Example cases)</h2>.*?(?=<h2>)"
    r'|<p class="note">.*?</p>|^## Subgroups$.*?(?=^## )',
    re.S | re.M,
)
_VERSION = re.compile(r"Made by molre [\w.+]+\.(?=</footer>)")  # in the footer alone
_TAG = re.compile(r"<style>.*?</style>|<!--.*?-->|<[^>]*>", re.S)
_MODEL = "model"
_RESULTS = "## Performance on test"  # heading of a card that an evaluation wrote


def evaluated(opened: Opened) -> Iterator[Check]:
    """Check metrics, further tables, report and card of a run.

    A run that was never evaluated reports no numbers, so there are none to check.
    """
    if not was_evaluated(opened.path):
        yield not_checked(NUMBERS, NAME, "not evaluated (`molre evaluate`)")
        return
    with tempfile.TemporaryDirectory(prefix="molre-audit-") as place:
        try:
            scratch = evaluated_again(opened, Path(place))
        except (MolreError, pl.exceptions.PolarsError) as error:
            what = error.what if isinstance(error, MolreError) else str(error)
            yield Check(NUMBERS, NAME, FAIL, f"the run cannot be evaluated: {what}")
            return
        yield from against(opened.path, scratch, with_cohort=opened.has("cohort"))


def was_evaluated(run: Path) -> bool:
    """Whether anything that evaluating writes is there; if one file is, all have to be."""
    written = ("metrics.parquet", "report.html", *(f"{name}.parquet" for name in NAMES))
    card = run / _MODEL / "README.md"
    return any((run / name).is_file() for name in written) or (
        card.is_file() and _RESULTS in card.read_text(encoding="utf-8", errors="replace")
    )


def evaluated_again(opened: Opened, place: Path) -> Path:
    """A folder in ``place`` like the run's, evaluated; what evaluating wrote is no link there."""
    run = opened.path.resolve()
    scratch = place / run.name
    _link(run, scratch)
    if opened.moved is not None:
        moved = opened.manifest | {"cohort": str(opened.moved.resolve())}
        (scratch / "manifest.json").unlink()
        (scratch / "manifest.json").write_text(json.dumps(moved), encoding="utf-8")
    evaluate_and_report(scratch)
    return scratch


def against(run: Path, scratch: Path, *, with_cohort: bool) -> Iterator[Check]:
    """Compare a run with its scratch copy of :func:`evaluated_again`."""
    for again in sorted(scratch.rglob("*")):
        name = again.relative_to(scratch)
        # of the seal, an evaluation changes the card's hash alone, and loading looks at that
        if again.is_file() and not again.is_symlink() and name.name not in _NOT_EVALUATED:
            yield from _file(run, name, again, with_cohort)
    for table in NAMES:
        words = f"{table}.parquet recomputed"
        if not (run / f"{table}.parquet").is_file() or (scratch / f"{table}.parquet").exists():
            continue
        if with_cohort:
            yield Check(NUMBERS, words, FAIL, "the table is there, but nothing gives it")
        else:
            yield not_checked(NUMBERS, words, "its cohort is not at hand")


_NOT_EVALUATED = ("checksums.json", "manifest.json")


def _link(run: Path, scratch: Path) -> None:
    """A folder like the run's, whose files are links; writing replaces a link, never the file."""
    scratch.mkdir()
    for path in sorted(run.iterdir()):
        if path.name == _MODEL and path.is_dir():
            (scratch / _MODEL).mkdir()
            for inner in path.iterdir():
                (scratch / _MODEL / inner.name).symlink_to(inner)
        else:
            (scratch / path.name).symlink_to(path)


def _file(run: Path, name: Path, again: Path, with_cohort: bool) -> Iterator[Check]:
    """One file that evaluating wrote."""
    stored, words = run / name, f"{name} recomputed"
    if not stored.is_file():
        yield Check(NUMBERS, words, FAIL, "the file is missing (`molre evaluate`)")
        return
    try:
        if name.suffix == ".parquet":
            yield _table(words, read_table(stored), read_table(again))
        elif name.suffix == ".json":
            old, new = read_json(stored), read_json(again)
            found = mapping_differences(old, new)
            found += [f"{key} is not expected" for key in old.keys() - new.keys()]
            yield compared(NUMBERS, words, leaves(new), found)
        else:
            yield from _written(words, name, _text(stored), _text(again), with_cohort)
    except MolreError as error:
        yield Check(NUMBERS, words, FAIL, error.message)


def _table(words: str, stored: pl.DataFrame, again: pl.DataFrame) -> Check:
    keys = [key for key in _KEYS if key in again.columns]
    return compared(NUMBERS, words, cells(again), table_differences(stored, again, keys))


def _written(words: str, name: Path, stored: str, again: str, with_cohort: bool) -> Iterator[Check]:
    """A report or a card; without the cohort, only what needs none of it."""
    if not with_cohort:
        stored, again = _COHORT.sub("", stored), _COHORT.sub("", again)
        words = f"{words}, but for what needs the cohort"
    if name.suffix == ".html":
        yield from page(words, stored, again)
    else:
        yield lines(words, stored.splitlines(), again.splitlines())


def page(words: str, stored: str, again: str) -> Iterator[Check]:
    """Two versions of a page: its text as a reader sees it, then charts and pictures."""
    if ("<h2>Example cases</h2>" in stored) != ("<h2>Example cases</h2>" in again):
        stored, again = _EXAMPLES.sub("", stored), _EXAMPLES.sub("", again)
        yield not_checked(NUMBERS, f"{words}: example cases", "their scans are not at hand")
    stored, again = _VERSION.sub("", stored), _VERSION.sub("", again)
    yield lines(f"{words}: text", _visible(stored), _visible(again))
    if _visible(stored) == _visible(again):
        yield lines(f"{words}: charts and pictures", _marked(stored), _marked(again))


def _marked(page: str) -> list[str]:
    """A page's lines; empty ones show nothing, and an optional part leaves some."""
    return [line for line in page.splitlines() if line.strip()]


def _visible(page: str) -> list[str]:
    """A page's pieces of text."""
    pieces = (" ".join(html.unescape(piece).split()) for piece in _TAG.split(page))
    return [piece for piece in pieces if piece]


def lines(words: str, stored: list[str], again: list[str]) -> Check:
    """Two versions of a text, piece by piece."""
    found = []
    matcher = difflib.SequenceMatcher(None, stored, again, autojunk=False)
    opcodes = matcher.get_opcodes() if stored != again else []
    for kind, a, b, c, d in opcodes:
        if kind != "equal":
            old, new = " ".join(stored[a:b]) or "nothing", " ".join(again[c:d]) or "nothing"
            start = max(0, _alike(old, new) - 30)
            place = _place(stored, again, a, c) if start or c else ""
            found.append(f"{place}{_short(old, start)!r}, recomputed {_short(new, start)!r}")
    return compared(NUMBERS, words, len(again), found)


def _place(stored: list[str], again: list[str], a: int, c: int) -> str:
    """What a difference is of: how its line begins, or the piece before it."""
    if c < len(again) and a < len(stored) and (same := _alike(stored[a], again[c])) > 30:
        return f"{again[c][: min(same - 30, 60)]!r}: "
    return f"after {_short(again[c - 1], 0)!r}: " if c else ""


def _short(text: str, start: int) -> str:
    cut = text[start : start + 70]
    return f"{'...' if start else ''}{cut}{'...' if len(text) > start + 70 else ''}"


def _alike(one: str, other: str) -> int:
    """Length of the beginning that two texts share."""
    same = (a == b for a, b in zip(one, other, strict=False))
    return next((i for i, equal in enumerate(same) if not equal), min(len(one), len(other)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise MolreError("not readable as text", where=path) from None
