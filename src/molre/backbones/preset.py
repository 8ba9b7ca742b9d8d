"""Preset: everything the catalogue knows of a published backbone, before any weight is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from torch import nn

    from molre.backbones.backbone import Backbone


class InputContract(Protocol):
    """What the contracts of 2D and 3D backbones have in common."""

    @property
    def hash(self) -> str:
        """Equal hash, equal pixels."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""


@dataclass(frozen=True)
class Preset:
    """One row of the catalogue.

    Attributes:
        name: what ``--backbone`` takes.
        slot: its place in the paper's table, such as ``2D general``.
        kind: ``2d`` reads slices, ``3d`` whole volumes.
        parameters: of the network that ``skeleton`` builds, all of them.
        dim: width of the embedding.
        input: shape for people, ``3 x 224 x 224``.
        hub_id: on the Hugging Face hub, or None where it is not there.
        license: its name, of the weights.
        derivatives: what the license says of weights and models made from these.
        pretraining: the data it has seen (overlap with a test set is flagged by it).
        contract: the pixels it is given.
        contract_source: where the parts of the contract are from, in one sentence.
        skeleton: builds the network of the published configuration, also on ``meta``.
        read: makes a Backbone from the weights in a folder; the folder is None where ``files``
            is empty. Reads the architecture from the checkpoint, which may be a narrower one.
        files: patterns of the files it is read from; each must match. Empty: none are published.
        revision: the hub's commit, or None where it is not pinned.
        sha256: hash of each file by name; a file that is not in it is not pinned.
        conversion: what has to be done to the published files once, or None.
        gate: address where terms are accepted before the weights can be had, or None.
        unverified: why its contract or code is not verified, or None where it is.
        remote_code: whether reading it runs code that came with the weights.
    """

    name: str
    slot: str
    kind: Literal["2d", "3d"]
    parameters: int
    dim: int
    input: str
    hub_id: str | None
    license: str
    derivatives: str
    pretraining: str
    contract: InputContract
    contract_source: str
    skeleton: Callable[[], nn.Module] = field(repr=False)
    read: Callable[[Preset, Path | None, Any], Backbone] = field(repr=False)
    files: tuple[str, ...] = ("config.json", "model*.safetensors")
    revision: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)
    conversion: str | None = None
    gate: str | None = None
    unverified: str | None = None
    remote_code: bool = False

    @property
    def verified(self) -> bool:
        """Whether code and contract are known to be the published ones."""
        return self.unverified is None

    @property
    def weight_bytes(self) -> int:
        """Memory of its weights in float32."""
        return 4 * self.parameters

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the functions left out."""
        plain = {k: v for k, v in vars(self).items() if k not in ("skeleton", "read")}
        return plain | {
            "contract": self.contract.to_dict(),
            "files": list(self.files),
            "sha256": dict(self.sha256),
            "verified": self.verified,
        }
