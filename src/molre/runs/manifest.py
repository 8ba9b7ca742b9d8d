"""RUN/manifest.json: what was done, with what, on which data. Written last: with it a run is done.

The format version of the run folder is here and nowhere else: all files of a run are of it.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import molre
from molre import files
from molre.errors import MolreError
from molre.model.folder import BackboneEntry
from molre.runs.folder import AGAIN, RunFolder
from molre.runs.reading import read_json

FORMAT_VERSION = 1
PACKAGES = ("torch", "timm", "transformers", "numpy", "polars", "pydicom", "safetensors")
GIVE = "give the RUN folder of `molre train`"


def read_manifest(run: RunFolder) -> dict[str, Any]:
    """What a run's manifest says; every reader of a run begins with it.

    Args:
        run: the RUN folder.

    Raises:
        MolreError: no run there, or a damaged one, or one that a newer molre wrote.
    """
    if not run.path.is_dir():
        raise MolreError("not a folder", where=run.path, fix=GIVE)
    if not run.is_whole:
        raise MolreError("missing", where=run.manifest, fix=GIVE)
    content = read_json(run.manifest, AGAIN)
    version = content.get("format_version")
    if not isinstance(version, int):
        raise MolreError("has no format_version", where=run.manifest, fix=AGAIN)
    refuse_newer(version, FORMAT_VERSION, run.manifest)
    return content


def refuse_newer(version: int, known: int, where: Path) -> None:
    """Refuse a format that this molre cannot know.

    Raises:
        MolreError: ``version`` is above ``known``.
    """
    if version > known:
        what = f"format version {version} is newer than this molre can read ({known})"
        raise MolreError(what, where=where, fix="update molre")


def write_manifest(run: RunFolder, facts: Mapping[str, Any]) -> None:
    """Write the manifest of a run whose other files are there.

    Args:
        run: the RUN folder.
        facts: all of it but the format version.
    """
    content = {"format_version": FORMAT_VERSION, **facts} | {"format_version": FORMAT_VERSION}
    files.write_text(run.manifest, json.dumps(content, indent=2) + "\n")


def stamp() -> dict[str, Any]:
    """The last entries of a training's manifest: versions of what made it, and when."""
    versions = {"molre": molre.__version__, "python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"versions": versions, "created": now()}


def now() -> str:
    """The time, as manifests have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def backbone_facts(entry: BackboneEntry) -> dict[str, Any]:
    """The manifest's entry ``backbone``.

    Args:
        entry: of the model folder.
    """
    return {
        "name": entry.name,
        "weights_sha256": entry.weights["sha256"],
        "dim": entry.dim,
        "parameters": entry.parameters,
        "contract": entry.contract,
        "contract_hash": entry.contract_hash,
        "precision": entry.precision,
    }


def scans_are_synthetic(manifest: Mapping[str, Any]) -> bool:
    """Whether the test scans of a run or an external evaluation are phantoms.

    Args:
        manifest: manifest.json.
    """
    synthetic = bool(manifest.get("synthetic"))
    external = manifest.get("external")
    return bool(external.get("scans_synthetic", synthetic)) if external else synthetic
