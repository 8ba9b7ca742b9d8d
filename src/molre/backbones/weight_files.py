"""Finding a backbone's weight file and its hash; safetensors only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from molre import files
from molre.errors import MolreError


def cache_folder() -> Path:
    """Where converted weights are kept: MOLRE_CACHE, or the user's cache folder."""
    given = os.environ.get("MOLRE_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "molre"


def hash_files(paths: list[Path]) -> str:
    """SHA-256 of one file, or of the sorted hashes of several (sharded checkpoints)."""
    sums = [files.sha256(p) for p in sorted(paths)]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def safetensors_in(folder: Path) -> list[Path]:
    """The safetensors files right in a folder, sorted.

    Raises:
        MolreError: none there; pickled checkpoints are named as refused.
    """
    found = sorted(folder.glob("*.safetensors"))
    if found:
        return found
    pickled = sorted([*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")])
    if pickled:
        raise MolreError(
            f"only pickled weights are there ({pickled[0].name}), which molre never opens",
            where=folder,
            fix="convert them to safetensors",
        )
    raise MolreError("no .safetensors file is there", where=folder, fix="put the weights there")


def fetch(hub_id: str, patterns: list[str]) -> Path | None:
    """The hub's files of a model, downloaded or from its cache; None where neither works."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns))
    except Exception:  # no network, no such id, no permission: the caller says what to do
        return None
