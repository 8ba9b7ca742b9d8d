"""The catalogue: which backbones there are. Dicts; a new family is a module with PRESETS."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from molre.backbones import contract_kind
from molre.backbones.backbone import Backbone
from molre.backbones.contract import Contract
from molre.backbones.preset import InputContract, Preset
from molre.errors import MolreError, did_you_mean

Loader = Callable[[str, Path | None, Contract | None], Backbone]


def _efficientnet(name: str, weights_dir: Path | None, contract: Contract | None) -> Backbone:
    from molre.backbones.families.efficientnet_lite0 import load

    return load(name, weights_dir, contract)


def _timm(name: str, weights_dir: Path | None, contract: Contract | None) -> Backbone:
    from molre.backbones.families.timm_models import load

    return load(name, weights_dir, contract)


def _huggingface(name: str, weights_dir: Path | None, contract: Contract | None) -> Backbone:
    from molre.backbones.families.huggingface import load

    return load(name, weights_dir, contract)


@cache
def presets() -> dict[str, Preset]:
    """Every published backbone by name; the 2D families first."""
    from molre.backbones.families import (
        biomedclip,
        ct_fm,
        dinov2,
        dinov3,
        fm_headct,
        hlip,
        medimageinsight,
        pillar0,
        siglip,
        small3d,
    )

    return {
        **dinov3.PRESETS,
        **medimageinsight.PRESETS,
        **siglip.PRESETS,
        **dinov2.PRESETS,
        **biomedclip.PRESETS,
        **pillar0.PRESETS,
        **hlip.PRESETS,
        **fm_headct.PRESETS,
        **small3d.PRESETS,
        **ct_fm.PRESETS,
    }


CATALOGUE: dict[str, Loader] = {"efficientnet_lite0": _efficientnet}
OPEN_DOORS: dict[str, Loader] = {"timm:": _timm, "hf:": _huggingface}


def names() -> tuple[str, ...]:
    """Names that need no further part."""
    return (*CATALOGUE, *presets())


def contract_from_dict(name: str, values: dict[str, Any]) -> InputContract:
    """The saved contract of a backbone: of slices, or of the volumes that a 3D one takes.

    Raises:
        MolreError: values that make no contract.
    """
    preset = presets().get(name)
    contract = contract_kind.contract_from_dict(values)
    contract_kind.check_kind(name, preset.kind if preset else "2d", contract)
    return contract


def load(
    name: str,
    *,
    weights_dir: str | Path | None = None,
    contract: InputContract | None = None,
    unverified: bool = False,
    trust_remote_code: bool = False,
) -> Backbone:
    """Load a backbone, frozen and in evaluation mode.

    Args:
        name: a catalogue name, ``timm:NAME`` or ``hf:ID-or-folder``.
        weights_dir: folder with its weights, where they are not installed.
        contract: the pixels it is given, where not its own.
        unverified: take one whose contract or code is not verified.
        trust_remote_code: let code run that comes with its weights.

    Raises:
        MolreError: unknown name (with the nearest ones), no consent, missing or unfit weights.
    """
    folder = Path(weights_dir) if weights_dir is not None else None
    if folder is not None and not folder.is_dir():
        raise MolreError("no such folder", where=folder, fix="give an existing --weights-dir")
    if name in presets():
        from molre.backbones.preset_weights import load_preset

        consent = {"unverified": unverified, "trust_remote_code": trust_remote_code}
        return load_preset(presets()[name], folder, contract, **consent)
    loader = _unlisted(name)
    if contract is not None and not isinstance(contract, Contract):
        raise MolreError(f"{name} reads slices, but the contract is for volumes")
    return loader(name, folder, contract)


def _unlisted(name: str) -> Loader:
    """The loader of a name that is not a preset."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    for prefix, loader in OPEN_DOORS.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return loader
    choices = [*names(), "timm:NAME", "hf:ID-or-folder"]
    raise MolreError(f"unknown backbone {name!r}", fix=did_you_mean(name, choices))
