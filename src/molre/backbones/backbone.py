"""Backbone: a frozen vision model with its weights' pedigree and its input contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from torch import Tensor, nn

from molre.backbones.contract import Contract


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
    """What a backbone makes of a batch of pictures.

    Attributes:
        tokens: (B, N, D) patch tokens, or None for a network without.
        pooled: (B, D), one embedding per picture.
        grid: rows and columns of the patch tokens, or None.
    """

    tokens: Tensor | None
    pooled: Tensor
    grid: tuple[int, int] | None = None


class Backbone(nn.Module):
    """A 2D backbone, frozen and in evaluation mode.

    Args:
        name: as the catalogue is asked for it.
        network: any module.
        features: maps (network, pixels) to Features.
        dim: D.
        contract: the pixels it is given.
        weights: pedigree.
    """

    kind = "2d"

    def __init__(
        self,
        name: str,
        network: nn.Module,
        features: Callable[[nn.Module, Tensor], Features],
        dim: int,
        contract: Contract,
        weights: Weights,
    ):
        super().__init__()
        self.name, self.dim, self.contract, self.weights = name, dim, contract, weights
        self.network = network
        self._features = features
        self.requires_grad_(False)
        self.eval()

    def forward(self, pixels: Tensor) -> Features:
        """Features of pixels float32 (B, C, size, size), prepared as the contract says."""
        size = (len(self.contract.windows), self.contract.size, self.contract.size)
        if tuple(pixels.shape[1:]) != size:
            raise ValueError(f"pixels must be (B, {size}), got {tuple(pixels.shape)}")
        return self._features(self.network, pixels)
