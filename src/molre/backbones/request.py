"""A backbone as requested: every choice that loading one takes, in one object."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molre.backbones.backbone import Backbone
    from molre.backbones.preset import InputContract


@dataclass(frozen=True)
class BackboneRequest:
    """What to load, from where, with whose consent, and how it is to compute.

    Attributes:
        name: a catalogue name, ``timm:NAME`` or ``hf:ID-or-folder``.
        weights_dir: folder with its weights, where they are not installed.
        contract: the pixels it is given, where not its own.
        unverified: take one whose contract or code is not verified.
        trust_remote_code: let code run that comes with its weights.
        device: torch device that it is to run on.
        precision: it computes in, see :func:`molre.backbones.precision.precision_on`.
    """

    name: str
    weights_dir: str | Path | None = None
    contract: InputContract | None = None
    unverified: bool = False
    trust_remote_code: bool = False
    device: str = "cpu"
    precision: str = "auto"

    def load(self) -> Backbone:
        """The backbone, frozen, in evaluation mode, and still on the CPU.

        Raises:
            MolreError: unknown name (with the nearest ones), no consent, missing or unfit weights.
        """
        from molre.backbones.catalogue import load
        from molre.backbones.precision import precision_on

        backbone = load(
            self.name,
            weights_dir=self.weights_dir,
            contract=self.contract,
            unverified=self.unverified,
            trust_remote_code=self.trust_remote_code,
        )
        backbone.precision = precision_on(self.device, self.precision)
        return backbone

    def absolute(self) -> BackboneRequest:
        """The same from any folder, also from that of a worker on another machine."""
        if self.weights_dir is None:
            return self
        return replace(self, weights_dir=os.path.abspath(self.weights_dir))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        folder, contract = self.weights_dir, self.contract
        return values | {
            "weights_dir": None if folder is None else str(folder),
            "contract": None if contract is None else contract.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> BackboneRequest:
        """As :meth:`to_dict` wrote it.

        Raises:
            MolreError: a contract that the backbone does not take.
        """
        from molre.backbones.catalogue import contract_from_dict

        given = values["contract"]
        contract = None if given is None else contract_from_dict(values["name"], given)
        return cls(**(values | {"contract": contract}))
