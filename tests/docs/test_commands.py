"""Commands on the pages: the verb and every option of a line are the command line's own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from molre.cli.main import VERBS, command

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
SHOWN = re.compile(r"^ {4}(?:.* -m )?molre ((?:.*\\\n)*.*)$", re.MULTILINE)
INLINE = re.compile(r"`molre ([a-z]+(?: [^`]*)?)`")
LINES = [
    (page, line.replace("\\\n", " "))
    for page in PAGES
    for pattern in (SHOWN, INLINE)
    for line in pattern.findall(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(
    ("page", "line"), LINES, ids=[f"{p.name}: {line[:40]}" for p, line in LINES]
)
def test_a_command_on_a_page_has_a_verb_and_options_that_there_are(page: Path, line: str) -> None:
    verb, *words = shlex.split(line, comments=True)
    assert verb in VERBS
    known = {flag for option in command().commands[verb].params for flag in option.opts}
    known |= {"--help", *(f for o in command().commands[verb].params for f in o.secondary_opts)}
    for word in words:
        if re.match(r"-{1,2}[a-z]", word):
            assert word.split("=")[0] in known, (page, word)


def test_pages_show_every_verb() -> None:
    assert {shlex.split(line, comments=True)[0] for _, line in LINES} >= set(VERBS)
