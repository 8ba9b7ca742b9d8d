"""What a backbone is given for a scan: its slices, or the whole volume."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from molre.backbones.contract import Contract
from molre.backbones.volume_contract import VolumeContract
from molre.ct.volume import Volume
from molre.embedding.pixels import to_pixels
from molre.embedding.volume_pixels import WHOLE, to_volume_pixels


def to_inputs(volume: Volume, contract: Contract | VolumeContract) -> tuple[Tensor, np.ndarray]:
    """Prepare a scan as a backbone's contract says.

    Args:
        volume: HU (S, R, C).
        contract: of slices or of volumes.

    Returns:
        float32 (S', C, size, size) of slices, or (1, C, D, H, W) of the volume; and int (S',), the
        volume's slice that each stands for, :data:`WHOLE` where it is all of them.
    """
    if isinstance(contract, VolumeContract):
        return to_volume_pixels(volume, contract), np.array([WHOLE])
    return to_pixels(volume, contract)
