"""Everything that evaluating a run wrote, against the same run evaluated again beside it.

A scratch folder holds links to the run's files; ``molre evaluate`` is run there and replaces the
links that it writes. So each table is recomputed by what made it, and a table that a later molre
adds is checked as well, without a word here.
"""

from __future__ import annotations

import difflib
import html
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from molre.audit.check import FAIL, NUMBERS, Check, compared, not_checked
from molre.audit.compare import cells, leaves, mapping_differences, table_differences
from molre.audit.opened import Opened, read_json, read_table
from molre.errors import MolreError
from molre.output.run_folder import evaluate_and_report

_KEYS = ("finding", "subgroup", "group", "threshold", "split", "study", "policy")
_EXAMPLES = re.compile(r"<h2>Example cases</h2>.*?(?=<h2>)", re.S)
_VERSION = re.compile(r"Made by molre [^<]*\.")
_TAG = re.compile(r"<style>.*?</style>|<!--.*?-->|<[^>]*>", re.S)
_MODEL = "model"


def evaluated(opened: Opened) -> Iterator[Check]:
    """Check metrics, further tables, report and card of a run.

    A run that was never evaluated reports no numbers, so there are none to check.
    """
    name = "evaluation from predictions.parquet"
    if not (opened.path / "metrics.parquet").is_file():
        yield not_checked(NUMBERS, name, "not evaluated (`molre evaluate`)")
        return
    with tempfile.TemporaryDirectory(prefix="molre-audit-") as place:
        scratch = Path(place) / opened.path.resolve().name
        _link(opened.path.resolve(), scratch)
        try:
            evaluate_and_report(scratch)
        except (MolreError, pl.exceptions.PolarsError) as error:
            what = error.what if isinstance(error, MolreError) else str(error)
            yield Check(NUMBERS, name, FAIL, f"the run cannot be evaluated: {what}")
            return
        for again in sorted(scratch.rglob("*")):
            if again.is_file() and not again.is_symlink():
                yield from _file(opened.path, again.relative_to(scratch), again)


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


def _file(run: Path, name: Path, again: Path) -> Iterator[Check]:
    """One file that evaluating wrote."""
    stored, words = run / name, f"{name} recomputed"
    if name.name == "checksums.json":
        return  # its own check; the card's hash is all that an evaluation changes in it
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
        elif name.suffix == ".html":
            yield from _page(words, _text(stored), _text(again))
        else:
            yield _lines(words, _text(stored).splitlines(), _text(again).splitlines())
    except MolreError as error:
        yield Check(NUMBERS, words, FAIL, error.message)


def _table(words: str, stored: pl.DataFrame, again: pl.DataFrame) -> Check:
    keys = [key for key in _KEYS if key in again.columns]
    return compared(NUMBERS, words, cells(again), table_differences(stored, again, keys))


def _page(words: str, stored: str, again: str) -> Iterator[Check]:
    """Text first, as a reader sees it, then all else: charts are drawn from numbers too."""
    if ("<h2>Example cases</h2>" in stored) != ("<h2>Example cases</h2>" in again):
        stored, again = _EXAMPLES.sub("", stored), _EXAMPLES.sub("", again)
        yield not_checked(NUMBERS, f"{words}: example cases", "their scans are not at hand")
    stored, again = _VERSION.sub("", stored), _VERSION.sub("", again)
    yield _lines(f"{words}: text", _visible(stored), _visible(again))
    if _visible(stored) == _visible(again):
        yield _lines(f"{words}: charts and pictures", stored.splitlines(), again.splitlines())


def _visible(page: str) -> list[str]:
    """A page's pieces of text."""
    pieces = (" ".join(html.unescape(piece).split()) for piece in _TAG.split(page))
    return [piece for piece in pieces if piece]


def _lines(words: str, stored: list[str], again: list[str]) -> Check:
    found = []
    matcher = difflib.SequenceMatcher(None, stored, again, autojunk=False)
    opcodes = matcher.get_opcodes() if stored != again else []
    for kind, a, b, c, d in opcodes:
        if kind != "equal":
            old, new = " ".join(stored[a:b]) or "nothing", " ".join(again[c:d]) or "nothing"
            found.append(f"{_short(old)!r}, recomputed {_short(new)!r}")
    return compared(NUMBERS, words, len(again), found)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise MolreError("not readable as text", where=path) from None
