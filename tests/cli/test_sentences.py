"""How what molre says ends, and how its help flows."""

from __future__ import annotations

import logging
import re
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from molre.cli import terminal
from molre.cli.main import VERBS, app
from molre.cohort.cohort import Cohort
from molre.errors import MolreError, did_you_mean


@pytest.mark.parametrize(
    ("what", "fix", "said"),
    [
        ("it is so", "do that", "it is so. Do that."),
        ("what torch says.", "lower r or router_dim.", "what torch says. Lower r or router_dim."),
        ("no arm 'molr'", did_you_mean("molr", ["molre"]), "no arm 'molr'. Did you mean 'molre'?"),
        ("no x", did_you_mean("x", map(str, range(30))), None),
        ("it is not there", "molre split c", "it is not there. Run: molre split c"),
    ],
)
def test_a_sentence_has_one_sign_at_its_end(what: str, fix: str, said: str | None) -> None:
    message = MolreError(what, fix=fix).message
    assert message == said if said else message.endswith(" ...")
    assert not re.search(r"[^.]\.\.(?!\.)|\.{4}", message)


def test_a_command_can_be_pasted(tmp_path) -> None:
    with pytest.raises(MolreError, match="-o '/.*my scans'"):
        Cohort(tmp_path / "my scans")


@pytest.mark.parametrize("verb", VERBS)
def test_paragraphs_of_help_break_where_the_terminal_ends(verb: str) -> None:
    """A line is followed by a word that would not have fitted on it."""
    wide = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "80", "TERM": "dumb"}).output
    head = wide[wide.index("Usage") :].split("\u256d")[0]
    for part in re.split(r"\n\s*\n", head)[1:]:
        lines = [line.strip() for line in part.strip().split("\n")]
        for line, following in pairwise(lines):
            assert len(line) + 1 + len(following.split()[0]) > 70, (line, following)


def test_the_exit_code_of_an_unchecked_audit_is_told() -> None:
    assert "3 an audit" in CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output


def test_what_molre_does_not_use_does_not_speak_on_its_screen() -> None:
    terminal.prepare()
    assert not logging.getLogger("bitsandbytes.backends.cpu.ops").isEnabledFor(logging.WARNING)
