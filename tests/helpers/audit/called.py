"""``molre audit`` as it is typed, and what a folder holds before and after."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner

from molre.cli import audit as verb


def call(*arguments: str):
    """Its exit code, output and exception."""
    app = typer.Typer()
    app.command()(verb.command)
    return CliRunner().invoke(app, list(arguments))


def files_of(folder: Path) -> dict[Path, bytes]:
    """The bytes of each file."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
