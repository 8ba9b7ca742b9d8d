"""ARCHITECTURE.md is of the tree as it is: rooms, direction of imports, versions of formats."""

from __future__ import annotations

import pkgutil
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
SOURCE = ROOT / "src/molre"


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_folder_of_the_source_is_a_room_or_a_part_of_one() -> None:
    folders = {
        f"{path.parent.relative_to(SOURCE)}/"
        for path in SOURCE.rglob("__init__.py")
        if path.parent != SOURCE
    }
    assert {name.strip("`") for name, _ in rows("Rooms") if name.endswith("/`")} == folders


def test_what_a_room_is_said_to_hold_is_there() -> None:
    for name, holds in rows("Rooms"):
        place = SOURCE / name.strip("`")
        assert place.exists(), name
        for named in re.findall(r"`([a-z_]+)`", holds):
            found = [place / f"{named}.py", SOURCE / f"{named}.py", SOURCE / named]
            assert any(path.exists() for path in found), (name, named)


def test_imports_run_as_the_contract_has_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    wanted = [layer.replace("molre.", "").split(" | ") for layer in contract["layers"]]
    drawn = TEXT.partition("\n## Imports\n")[2].partition("```\n")[2].partition("```")[0]
    layers = [re.sub(r"^→ ", "", line.strip()).split(", ") for line in drawn.strip().splitlines()]
    assert layers == wanted


def test_formats_have_the_versions_that_are_said() -> None:
    formats = rows("Formats")
    assert len(formats) >= 5
    for _, _, version, constant, _ in formats:
        assert pkgutil.resolve_name(f"molre.{constant.strip('`')}") == int(version), constant
