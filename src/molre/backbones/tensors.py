"""Every tensor of a checkpoint accounted for: what is missing, left over, or of another shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from molre.errors import MolreError


@dataclass(frozen=True)
class Misfit:
    """Names of tensors, sorted, by what is wrong with them."""

    missing: list[str]
    over: list[str]
    reshaped: list[str]

    @classmethod
    def between(cls, ours: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Misfit:
        """What is wrong with a checkpoint's tensors for a network's."""
        both = set(ours) & set(state)
        return cls(
            sorted(set(ours) - set(state)),
            sorted(set(state) - set(ours)),
            sorted(name for name in both if ours[name].shape != state[name].shape),
        )

    def refuse(self, network: str, where: Path) -> None:
        """Say what is wrong first.

        Raises:
            MolreError: anything is.
        """
        wrong = {
            "lacks": self.missing,
            "has, beyond the network,": self.over,
            "has, in another shape,": self.reshaped,
        }
        for verb, names in wrong.items():
            if names:
                raise MolreError(
                    f"{verb} {len(names)} tensors of {network}, starting with {names[0]}",
                    where=where,
                    fix="give the published checkpoint",
                )
