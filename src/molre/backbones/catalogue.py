"""The catalogue: which backbones there are. A dict; a new family is an entry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from molre.backbones.backbone import Backbone
from molre.backbones.contract import Contract
from molre.errors import MolreError, did_you_mean

Loader = Callable[[str, Path | None, Contract | None], Backbone]


def _efficientnet(name: str, weights_dir: Path | None, contract: Contract | None) -> Backbone:
    from molre.backbones.efficientnet_lite0 import load

    return load(name, weights_dir, contract)


def _timm(name: str, weights_dir: Path | None, contract: Contract | None) -> Backbone:
    from molre.backbones.timm_models import load

    return load(name, weights_dir, contract)


def _huggingface(name: str, weights_dir: Path | None, contract: Contract | None) -> Backbone:
    from molre.backbones.huggingface import load

    return load(name, weights_dir, contract)


CATALOGUE: dict[str, tuple[Loader, dict[str, str]]] = {
    "efficientnet_lite0": (
        _efficientnet,
        {
            "parameters": "4.65 M",
            "input": "3 x 224 x 224",
            "weights": "installed with molre (ImageNet)",
            "license": "Apache-2.0",
        },
    ),
}
OPEN_DOORS: dict[str, tuple[Loader, dict[str, str]]] = {
    "timm:": (
        _timm,
        {
            "parameters": "any",
            "input": "3 x 224 x 224, or --contract FILE",
            "weights": "--weights-dir DIR, or timm's hub",
            "license": "the model's",
        },
    ),
    "hf:": (
        _huggingface,
        {
            "parameters": "any",
            "input": "3 x 224 x 224, or --contract FILE",
            "weights": "a folder, --weights-dir DIR, or the hub",
            "license": "the model's",
        },
    ),
}


def names() -> tuple[str, ...]:
    """Names that need no further part."""
    return tuple(CATALOGUE)


def describe() -> list[dict[str, Any]]:
    """Rows of ``molre list backbones``."""
    rows = [{"backbone": name, **facts} for name, (_, facts) in CATALOGUE.items()]
    doors = {"timm:": "timm:NAME", "hf:": "hf:ID-or-folder"}
    return rows + [{"backbone": doors[p], **facts} for p, (_, facts) in OPEN_DOORS.items()]


def load(
    name: str, *, weights_dir: str | Path | None = None, contract: Contract | None = None
) -> Backbone:
    """Load a backbone, frozen and in evaluation mode.

    Args:
        name: a catalogue name, ``timm:NAME`` or ``hf:ID-or-folder``.
        weights_dir: folder with its weights, where they are not installed.
        contract: the pixels it is given, where not its own.

    Raises:
        MolreError: unknown name (with the nearest ones), missing or unfit weights.
    """
    folder = Path(weights_dir) if weights_dir is not None else None
    if folder is not None and not folder.is_dir():
        raise MolreError("no such folder", where=folder, fix="give an existing --weights-dir")
    if name in CATALOGUE:
        return CATALOGUE[name][0](name, folder, contract)
    for prefix, (loader, _) in OPEN_DOORS.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return loader(name, folder, contract)
    choices = [*CATALOGUE, "timm:NAME", "hf:ID-or-folder"]
    raise MolreError(f"unknown backbone {name!r}", fix=did_you_mean(name, choices))
