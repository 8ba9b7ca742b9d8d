"""Backbone: a frozen vision model with the provenance of its weights and its input contract."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import Tensor, nn

from molre.backbones.contract import Contract
from molre.backbones.precision import Precision, computing
from molre.backbones.volume_contract import VolumeContract


@dataclass(frozen=True)
class Weights:
    """Where weights come from and what may be done with what is made of them.

    ``id`` names them (never a path); ``sha256`` is of the file, or of all files' hashes.
    """

    id: str
    sha256: str
    revision: str | None = None
    license: str = "unknown"
    derivatives: str = "unknown"
    pretraining: str = "unknown"

    def to_dict(self) -> dict[str, str | None]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Features:
    """What a backbone makes of a batch of images, or of volumes.

    Attributes:
        tokens: (B, N, D) patch tokens, or None for a network without.
        pooled: (B, D), one embedding per image or volume.
        grid: rows and columns of the patch tokens, depth before them in 3D; or None.
    """

    tokens: Tensor | None
    pooled: Tensor
    grid: tuple[int, ...] | None = None


class Backbone(nn.Module):
    """A backbone, frozen and in evaluation mode; it reads slices, or whole volumes.

    Args:
        name: as the catalogue is asked for it.
        network: any module.
        features: maps (network, pixels) to Features.
        dim: D.
        contract: the pixels it is given; one of volumes makes it a 3D backbone.
        weights: pedigree.
        start: draws the network's weights from torch's generator; only for a network that has no
            weights and is trained from scratch.

    Attributes:
        precision: what it computes in, see :func:`molre.backbones.precision.precision_on`.
        contract_verified: whether code and contract are known to be the published ones; None
            where they are the user's choice.
    """

    precision: Precision = "float32"
    contract_verified: bool | None = None

    def __init__(
        self,
        name: str,
        network: nn.Module,
        features: Callable[[Any, Tensor], Features],
        dim: int,
        contract: Contract | VolumeContract,
        weights: Weights,
        start: Callable[[nn.Module], None] | None = None,
    ):
        super().__init__()
        self.name, self.dim, self.contract, self.weights = name, dim, contract, weights
        self.network = network
        self._features, self.start = features, start
        self.requires_grad_(False)
        self.eval()

    @property
    def kind(self) -> Literal["2d", "3d"]:
        """``2d``: one embedding a slice; ``3d``: one a volume."""
        return "3d" if isinstance(self.contract, VolumeContract) else "2d"

    @property
    def from_scratch(self) -> bool:
        """Whether it has no weights and must be trained from the start."""
        return self.start is not None

    def shared_copy(self) -> Backbone:
        """The same backbone over the same weights in memory: adapting one leaves the other bare."""
        return copy.deepcopy(self, {id(t): t for t in (*self.parameters(), *self.buffers())})

    def forward(self, pixels: Tensor) -> Features:
        """Features of pixels float32 (B, C, size, size) or (B, C, D, H, W), as contracted."""
        size = self.contract.pixel_shape
        if tuple(pixels.shape[1:]) != size:
            raise ValueError(f"pixels must be (B, {size}), got {tuple(pixels.shape)}")
        with computing(self.precision, pixels.device):
            return self._features(self.network, pixels)
