"""A page that evaluating wrote, and the report.json beside it, against the same made again.

Values are compared, not web pages: report.json with the report.json that the files give today, key
by key; the page with its hash, and with what report.json gives when it is rendered again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import molre
from molre.audit.check import FAIL, NUMBERS, PASS, Check, compared, not_checked
from molre.audit.differences import leaves, line_differences, nested_differences
from molre.errors import MolreError
from molre.output.report_json import Report, read_report, sha256
from molre.runs.folder import REPORT as PAGE
from molre.runs.folder import VALUES

RENDERED = f"{PAGE} as rendered from {VALUES}"
EXAMPLES = "examples"


def shows_examples(folder: Path) -> bool:
    """Whether the page of a folder shows example cases."""
    try:
        return bool(read_report(folder / VALUES).context.get(EXAMPLES))
    except MolreError:
        return False


def report(
    stored: Path,
    again: Path,
    how: str,
    remedy: str,
    without: Sequence[Sequence[str]] = (),
    *,
    shown: bool = False,
) -> Iterator[Check]:
    """Check a page and its data.

    Functions called from Python write tables alone: with neither a page nor its data there is
    nothing that could say something else, and nothing fails.

    Args:
        stored: folder, as found.
        again: folder with the same made again.
        how: from what, e.g. ``"from the runs"``.
        remedy: verb that writes both anew.
        without: places in the data that nothing at hand gives again.
        shown: the numbers are shown elsewhere as well, so that there was a page.
    """
    words = f"{VALUES} {how}" + (", but for what needs the cohort" if without else "")
    if not (shown or (stored / PAGE).is_file() or (stored / VALUES).is_file()):
        why = f"there is no page, and no {VALUES}: run `{remedy}`, which writes both"
        yield not_checked(NUMBERS, RENDERED, why)
        return
    if not (stored / PAGE).is_file():
        yield Check(NUMBERS, RENDERED, FAIL, f"the page is missing (`{remedy}` makes it again)")
    if not (stored / VALUES).is_file():
        why = f"written before {VALUES}, which keeps what the page shows: run `{remedy}` again"
        yield not_checked(NUMBERS, words, why)
        return
    try:
        told, made = read_report(stored / VALUES), read_report(again / VALUES)
    except MolreError as error:
        yield Check(NUMBERS, words, FAIL, error.message)
        return
    yield from _values(words, told, made, without)
    if (stored / PAGE).is_file():
        yield _page(stored / PAGE, told, remedy)


def _values(
    words: str, told: Report, made: Report, without: Sequence[Sequence[str]]
) -> Iterator[Check]:
    places = list(without)
    shown = [bool(one.context.get(EXAMPLES)) for one in (told, made)]
    if not without and shown[0] != shown[1]:
        yield not_checked(NUMBERS, f"{words}: example cases", "their scans are not available")
        places.append((EXAMPLES,))
    old, new = (_without(one.context, places) for one in (told, made))
    found = nested_differences(old, new)
    if told.template != made.template:
        found.append(f"template is {told.template}, recomputed {made.template}")
    yield compared(NUMBERS, words, leaves(new), found)


def _page(page: Path, told: Report, remedy: str) -> Check:
    """The page has the hash that was kept, and is what its data give."""
    try:
        text = page.read_bytes().decode()
        again = told.rendered()
    except UnicodeDecodeError:
        return Check(NUMBERS, RENDERED, FAIL, "not readable as text")
    except Exception as error:  # whatever a tampered report.json does to a template
        return Check(NUMBERS, RENDERED, FAIL, f"{VALUES} cannot be rendered: {error!r}")
    kept = sha256(text) == told.page_sha256
    if text == again and kept:
        return Check(NUMBERS, RENDERED, PASS, f"{len(text.splitlines()):,} lines agree")
    if kept and told.molre_version != molre.__version__:
        why = f"rendered by molre {told.molre_version}, says {VALUES}, and this is"
        return not_checked(NUMBERS, RENDERED, f"{why} {molre.__version__}: run `{remedy}` again")
    found = [] if kept else [f"its SHA-256 is not the one that {VALUES} keeps"]
    found += line_differences(text, again)
    return compared(NUMBERS, RENDERED, len(again.splitlines()), found)


def _without(values: Any, places: Sequence[Sequence[str]]) -> Any:
    """A nest of mappings and lists without what stands at some places, as a copy."""
    gone = {place[0] for place in places if len(place) == 1}
    inner: dict[str, list[Sequence[str]]] = {}
    for first, *rest in places:
        if rest:
            inner.setdefault(first, []).append(rest)
    if isinstance(values, dict):
        return {k: _without(v, inner.get(k, ())) for k, v in values.items() if k not in gone}
    if isinstance(values, list):
        return [v for v in values if not (isinstance(v, dict) and v.get("name") in gone)]
    return values
