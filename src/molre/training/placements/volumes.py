"""Prepared volumes on disk, so that epochs do not read and straighten every scan again.

At placement ``blocks`` a 3D backbone is given the same volumes in every epoch. They are prepared
once, in parallel, and kept in half precision beside the cohort's embeddings, where every arm and
seed of the same contract finds them: 3 MB a study at 3 x 32 x 128 x 128.
"""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.volume_contract import VolumeContract
from molre.model.unregistered import Unregistered

LIMIT_BYTES = 32 * 2**20  # a study; larger ones are prepared again each time they are requested


class PreparedVolumes(Backbone):
    """What stands before a 3D backbone: its ``pooled`` is the prepared volume itself, flattened.

    Args:
        whole: the backbone that takes the volumes.
    """

    def __init__(self, whole: Backbone):
        contract = whole.contract
        assert isinstance(contract, VolumeContract)
        key = hashlib.sha256(b"prepared volumes").hexdigest()  # no weights have any part in them
        size = math.prod(contract.pixel_shape)
        weights = Weights(id="none: prepared volumes", sha256=key)
        super().__init__("volumes", nn.Linear(1, 1), _as_they_are, size, contract, weights)
        self.whole = Unregistered(whole)

    @property
    def gigabytes(self) -> float:
        """Disk that one study takes, GB."""
        return 2 * self.dim / 1e9

    @property
    def worth_keeping(self) -> bool:
        """Whether a study is small enough."""
        return 2 * self.dim <= LIMIT_BYTES

    def resume(self, volumes: Tensor) -> Features:
        """The backbone's features of prepared volumes (B, C * D * H * W)."""
        return self.whole.content(volumes.reshape(len(volumes), *self.contract.pixel_shape))


def _as_they_are(network: nn.Module, pixels: Tensor) -> Features:
    return Features(None, torch.flatten(pixels, 1))


def chunk_size(slice_budget: int, backbone: Backbone) -> int:
    """How many slices, or volumes, are held for the backward pass at a time.

    A volume counts as the slices that it is deep.

    Args:
        slice_budget: of the configuration.
        backbone: what is trained.
    """
    contract = backbone.contract
    depth = contract.shape[0] if isinstance(contract, VolumeContract) else 1
    return max(1, slice_budget // depth)
