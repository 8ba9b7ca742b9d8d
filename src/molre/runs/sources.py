"""What a comparison or a consistency check was made from, kept beside it so that it can be audited.

Paths are relative to OUT, so that a folder may be moved with all that is in it. Contents are
hashed, so that what was compared can be told from what is there now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import molre
from molre import files
from molre.errors import MolreError
from molre.runs.folder import CONFIG, MANIFEST, MODEL
from molre.runs.manifest import refuse_newer

SOURCES_VERSION = 1
COMPARISON = "comparison.json"
CONSISTENCY = "consistency.json"
# all of a run that a comparison reads
READ = (
    MANIFEST,
    CONFIG,
    *(f"{name}.parquet" for name in ("predictions", "studies", "routing", "history")),
    f"{MODEL}/model.json",
)


def write_comparison_sources(out: Path, runs: Sequence[Path], settings: Mapping[str, Any]) -> None:
    """Write ``OUT/comparison.json``.

    Args:
        out: folder of the comparison.
        runs: RUN folders as they were given.
        settings: of the comparison: draws and seed.
    """
    told = [{"path": relative(run, out), "sha256": hashes(run)} for run in runs]
    write_sources(out / COMPARISON, {"runs": told, "settings": dict(settings)})


def hashes(run: Path) -> dict[str, str]:
    """SHA-256 of each file of a run that a comparison reads, where it is there."""
    return {name: files.sha256(run / name) for name in READ if (run / name).is_file()}


def relative(path: Path, out: Path) -> str:
    """A path as it is written from OUT."""
    return Path(os.path.relpath(path.resolve(), out.resolve())).as_posix()


def write_sources(path: Path, content: Mapping[str, Any]) -> None:
    """Write sources with the versions that made them."""
    head = {"format_version": SOURCES_VERSION, "molre_version": molre.__version__}
    files.write_text(path, json.dumps({**head, **content}, indent=2) + "\n")


def read_sources(path: Path) -> dict[str, Any]:
    """Sources as written.

    Raises:
        MolreError: damaged, or newer than this molre.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    version = content.get("format_version") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise MolreError("not readable as what molre wrote", where=path, fix="make it again")
    refuse_newer(version, SOURCES_VERSION, path)
    assert isinstance(content, dict)
    return content
