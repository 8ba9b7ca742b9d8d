"""Finding a backbone's weight file and its hash; safetensors only."""

from __future__ import annotations

import hashlib
import json
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
            f"there are only pickled weights ({pickled[0].name}), which molre never opens",
            where=folder,
            fix="convert them to safetensors",
        )
    raise MolreError("there is no .safetensors file", where=folder, fix="put the weights there")


def revision_of(folder: Path) -> str | None:
    """The hub's commit that a folder came from, where a download left a sign of it."""
    if folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name):
        return folder.name
    for record in sorted((folder / ".cache/huggingface/download").glob("*.metadata")):
        first = record.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip()
        if _COMMIT.fullmatch(first):
            return first
    return None


def checkpoint_files(folder: Path) -> list[Path]:
    """The safetensors files of one checkpoint: model.safetensors, or its shards by their index.

    Raises:
        MolreError: none there, a shard that is missing, or an index that is none.
    """
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.is_file():
        return [whole]
    if not index.is_file():
        return safetensors_in(folder)
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = sorted({Path(str(name)).name for name in listed.values()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MolreError(
            "is not an index of shards", where=index, fix="download it again"
        ) from None
    return [folder / name for name in names]


def holding(paths: list[Path], wanted: Callable[[str], object]) -> list[Path]:
    """Those files of a checkpoint that hold a wanted tensor; absent ones may not be needed.

    Raises:
        MolreError: a file that is not safetensors, or no file with such a tensor.
    """
    found = [p for p in paths if p.is_file() and any(wanted(name) for name in tensor_names(p))]
    if not found:
        gone = [p.name for p in paths if not p.is_file()]
        raise MolreError(
            "holds none of this network's tensors" + (f" ({gone[0]} is missing)" if gone else ""),
            where=paths[0].parent,
            fix="download the whole checkpoint",
        )
    return found


def tensor_names(path: Path) -> list[str]:
    """Names of the tensors in a safetensors file.

    Raises:
        MolreError: it is not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return list(file.keys())
    except (SafetensorError, OSError):
        raise MolreError("is not a safetensors file", where=path, fix="copy it again") from None


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
    from safetensors import safe_open

    found: dict[str, Tensor] = {}
    for path in paths:
        names = [(name, rename(name)) for name in tensor_names(path)]
        with safe_open(path, "pt") as file:
            found |= {new: file.get_tensor(name).float() for name, new in names if new is not None}
    return found
