"""What the 3D families share: filling a network from a checkpoint, and whether volumes fit it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from molre.backbones.preset import Preset
from molre.backbones.tensors import Misfit
from molre.backbones.volume_contract import VolumeContract
from molre.errors import MolreError


def fill(network: nn.Module, state: dict[str, Tensor], folder: Path, name: str) -> None:
    """Put a checkpoint's tensors into a network, all of them and no others.

    Raises:
        MolreError: tensors missing, left over or of another shape; the first is named.
    """
    there = network.state_dict()
    Misfit.between(there, state).refuse(name, folder)
    network.load_state_dict({k: v.to(there[k].dtype) for k, v in state.items()})


def needed(state: dict[str, Tensor], tensor: str, folder: Path, name: str) -> Tensor:
    """A tensor that tells the architecture.

    Raises:
        MolreError: it is not in the checkpoint.
    """
    if tensor not in state:
        raise MolreError(
            f"is not a checkpoint of {name} (it has no {tensor})",
            where=folder,
            fix="give the whole checkpoint of exactly this network",
        )
    return state[tensor]


def blocks_in(state: dict[str, Tensor]) -> int:
    """How many blocks a transformer's checkpoint has, ``blocks.0`` and so on."""
    return len({name.split(".")[1] for name in state if name.startswith("blocks.")})


def check_volumes(
    preset: Preset,
    contract: VolumeContract,
    channels: int,
    patch: tuple[int, int, int] | None = None,
) -> None:
    """Whether a 3D network takes the volumes of a contract.

    Args:
        preset: names it.
        contract: asked for.
        channels: that its first layer takes.
        patch: (D, H, W) that must divide the shape.

    Raises:
        MolreError: it does not.
    """
    if len(contract.windows) != channels:
        raise MolreError(
            f"{preset.name} takes {channels} channels, the contract has "
            f"{len(contract.windows)} windows",
            fix=f"give {channels} windows with --contract FILE",
        )
    if patch and any(edge % p for edge, p in zip(contract.shape, patch, strict=True)):
        raise MolreError(
            f"{preset.name}: volumes of {_times(contract.shape)} do not divide into patches of "
            f"{_times(patch)}",
            fix="give another shape with --contract FILE",
        )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
