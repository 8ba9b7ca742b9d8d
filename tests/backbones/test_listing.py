"""`molre list backbones` and the reference page: every backbone, and nothing typed twice."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from molre.backbones.catalogue import load, names, presets
from molre.backbones.listing import rows, table

ROOT = Path(__file__).resolve().parents[2]


def test_rows_tell_of_every_name_and_both_doors():
    listed = rows()
    assert [row["backbone"] for row in listed] == [*names(), "timm:NAME", "hf:ID-or-folder"]
    assert all(set(row) == set(listed[0]) for row in listed)


def test_the_defaults_row_is_what_is_loaded():
    row, backbone = rows()[0], load("efficientnet_lite0")
    assert row["parameters"] == sum(p.numel() for p in backbone.parameters())
    assert row["embedding"] == backbone.dim
    assert row["license"] == backbone.weights.license


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_the_verb_prints_them(flags: list[str]):
    from molre.cli.main import app

    printed = CliRunner().invoke(app, ["list", "backbones", *flags])
    assert printed.exit_code == 0
    if flags:
        assert json.loads(printed.stdout) == rows()
    else:
        lines = printed.stdout.splitlines()
        for row in table():
            (line,) = [x for x in lines if x.split()[:1] == [row["backbone"]]]
            assert all(value in line for value in row.values())


def test_why_one_is_not_verified_is_said():
    for row in rows():
        assert (row["verified"] is False) == bool(row["unverified"])
        assert row["backbone"] not in presets() or row["verified"] in (True, False)


def test_the_reference_page_is_current():
    path = ROOT / "experiments" / "backbones_page.py"
    spec = importlib.util.spec_from_file_location("backbones_page", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = script.PAGE.read_text(encoding="utf-8")
    assert written == script.page(), "run: python experiments/backbones_page.py"
