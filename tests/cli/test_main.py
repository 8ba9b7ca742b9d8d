"""The command line itself: quick to answer, verbs that teach, tables to choose from."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from molre.cli.main import VERBS
from tests.helpers.system import molre, molre_process


def test_help_loads_nothing_heavy() -> None:
    heavy = ("torch", "timm", "transformers", "polars", "scipy", "pydicom", "matplotlib", "nibabel")
    code = f"import sys, molre.cli.main; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_teaches_by_an_example(verb: str) -> None:
    assert f"Example: molre {verb}" in molre(verb, "--help").stdout.replace("\n", " ")


@pytest.mark.parametrize("what", ["backbones", "arms", "findings", "windows"])
def test_lists_are_tables_or_json(what: str) -> None:
    rows = json.loads(molre("list", what, "--json").stdout)
    assert len(rows) == {"findings": 75, "arms": 9}.get(what, len(rows))
    first = next(iter(rows[0].values()))
    assert str(first) in molre("list", what).stdout


def test_doctor_passes_here() -> None:
    rows = json.loads(molre("doctor", "--json").stdout)
    assert {row["result"] for row in rows} <= {"PASS", "WARN"}
    assert any(row["check"] == "backbone efficientnet_lite0" for row in rows)


def test_version_is_the_packages() -> None:
    import molre as library

    assert molre_process("--version").stdout.strip() == f"molre {library.__version__}"
