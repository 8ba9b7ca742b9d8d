"""A timm network of a given configuration, filled with tensors, every one accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from molre.backbones.tensors import Misfit
from molre.errors import MolreError


def fill(architecture: str, options: dict[str, Any], state: dict[str, Tensor], where: Path) -> Any:
    """A network without classifier, with exactly these tensors.

    Raises:
        MolreError: timm does not know it; a tensor missing, left over or of another shape.
    """
    import timm

    try:
        network = timm.create_model(architecture, num_classes=0, **options)
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise MolreError(
            f"timm cannot build {architecture} from it ({said})", where=where
        ) from None
    Misfit.between(network.state_dict(), state).refuse(architecture, where)
    network.load_state_dict(state)
    return network.eval()
