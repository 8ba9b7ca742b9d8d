"""The two kinds of contract, of slices and of volumes: reading whichever is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from molre.backbones.contract import Contract
from molre.backbones.volume_contract import VolumeContract
from molre.errors import MolreError
from molre.settings_file import read_settings


def read_contract(path: Path) -> Contract | VolumeContract:
    """A contract from a YAML or JSON file: of slices, or of volumes where it has a ``shape``.

    Raises:
        MolreError: unreadable, or see :func:`contract_from_dict`.
    """
    values = read_settings(path, "size, windows, mean, std ...")
    return contract_from_dict(values, path)


def contract_from_dict(
    values: dict[str, Any], where: str | Path | None = None
) -> Contract | VolumeContract:
    """A contract of slices or of volumes, whichever the values are: a volume's has a ``shape``.

    Raises:
        MolreError: see the contracts' own.
    """
    volumes = values.get("kind") == "3d" or ("shape" in values and "size" not in values)
    return VolumeContract.from_dict(values, where) if volumes else Contract.from_dict(values, where)


def check_kind(
    name: str, kind: Literal["2d", "3d"], contract: object, where: str | Path | None = None
) -> None:
    """Refuse a contract of volumes for a backbone that reads slices, and the reverse.

    Raises:
        MolreError: in one sentence.
    """
    given = "3d" if isinstance(contract, VolumeContract) else "2d"
    if given != kind:
        says = {"2d": "slices (size, slab_mm ...)", "3d": "volumes (shape, spacing ...)"}
        reads = {"2d": "slices", "3d": "whole volumes"}
        raise MolreError(
            f"{name} reads {reads[kind]}, but the contract is for {says[given]}",
            where=where,
            fix=f"give a contract for {says[kind]}",
        )
