"""A timm network of a given configuration, filled with tensors, every one accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

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
        raise MolreError(f"timm makes no {architecture} of it ({said})", where=where) from None
    ours = network.state_dict()
    wrong = {
        "lacks": sorted(set(ours) - set(state)),
        "has, beyond the network,": sorted(set(state) - set(ours)),
        "has in another shape": sorted(
            name for name in set(ours) & set(state) if ours[name].shape != state[name].shape
        ),
    }
    for verb, names in wrong.items():
        if names:
            raise MolreError(
                f"{verb} {len(names)} tensors of {architecture}, {names[0]} first",
                where=where,
                fix="give the published checkpoint",
            )
    network.load_state_dict(state)
    return network.eval()
