"""Finding a backbone's weight file and its hash; safetensors only."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from molre import files
from molre.errors import MolreError

_COMMIT = re.compile(r"[0-9a-f]{40}")


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


def revision_of(folder: Path) -> str | None:
    """The hub's commit that a folder came from, where a download left a sign of it."""
    if folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name):
        return folder.name
    for record in sorted((folder / ".cache/huggingface/download").glob("*.metadata")):
        first = record.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip()
        if _COMMIT.fullmatch(first):
            return first
    return None


def fetch(hub_id: str, patterns: list[str], revision: str | None = None) -> Path | None:
    """The hub's files of a model, downloaded or from its cache; None where neither works."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns, revision=revision))
    except Exception:  # no network, no such id, no permission: the caller says what to do
        return None


def read_tensors(paths: list[Path], rename: Callable[[str], str | None] = str) -> dict[str, Tensor]:
    """Tensors of safetensors files in float32, under new names.

    Args:
        paths: the files; what they are called does not matter.
        rename: a tensor's new name, or None for one that is left out and never read.

    Raises:
        MolreError: a file that is not there or not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    found: dict[str, Tensor] = {}
    for path in paths:
        try:
            with safe_open(path, "pt") as file:
                for name in list(file.keys()):  # it is no mapping
                    new = rename(name)
                    if new is not None:
                        found[new] = file.get_tensor(name).float()
        except (SafetensorError, OSError):
            raise MolreError("is not a safetensors file", where=path, fix="copy it again") from None
    return found
