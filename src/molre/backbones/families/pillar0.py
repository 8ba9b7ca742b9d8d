"""Pillar-0 for head CT (Agrawal et al., arXiv 2511.17803), by the code that comes with its weights.

Its network is published as code beside the weights, so reading it runs that code: molre does so
only where it is asked to, with ``--unverified --trust-remote-code``. What is documented of the
input is its form, 11 windows of 128 x 256 x 256 voxels; which windows these are is not, so the
contract must come with the checkpoint (``contract.yaml``) or by ``--contract``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features
from molre.backbones.contract_kind import check_kind, read_contract
from molre.backbones.preset import Preset
from molre.backbones.preset_weights import pedigree
from molre.backbones.volume_contract import VolumeContract
from molre.errors import MolreError

NAME = "pillar0_headct"
WINDOWS, SHAPE = 11, (128, 256, 256)
MODALITIES = ("head_ct", "brain_ct")  # its own code says the one, its evaluation code the other
CONTRACT_FILE = "contract.yaml"
# stands for "none is known": only the number of windows and the shape are documented
FORM = VolumeContract(
    shape=SHAPE,
    spacing=(1.25, 1.0, 1.0),
    windows=((1023.5, 4095),) * WINDOWS,
    mean=(0.0,) * WINDOWS,
    std=(1.0,) * WINDOWS,
)


def read(preset: Preset, folder: Path | None, contract: VolumeContract) -> Backbone:
    """The checkpoint's own network; the embedding is what its ``extract_vision_feats`` gives.

    Raises:
        MolreError: no contract is known; the code does not run, or is not a Pillar-0.
    """
    assert folder is not None
    contract = _contract(preset, folder, contract)
    read_volumes = _Reader(_modality(folder))
    network = _network(folder)
    try:
        with torch.inference_mode():
            found = read_volumes(network, torch.zeros(1, *contract.pixel_shape))
        dim = found.pooled.shape[1]
    except Exception as error:  # of code that is not molre's
        said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        raise MolreError(
            f"its code does not take a volume of {' x '.join(map(str, contract.pixel_shape))} "
            f"({said[:160]})",
            where=folder,
            fix="give the contract that it was trained with: --contract FILE",
        ) from None
    code = sorted([*folder.glob("*.safetensors"), *folder.glob("*.py"), folder / "config.json"])
    return Backbone(preset.name, network, read_volumes, dim, contract, pedigree(preset, code))


@dataclass(frozen=True)
class _Reader:
    """Features by the checkpoint's own method, which wants to know the kind of scan."""

    modality: str

    def __call__(self, network: Any, pixels: Tensor) -> Features:
        """The pooled embedding; the method gives no tokens."""
        found = network.extract_vision_feats(image={self.modality: pixels})
        found = found[0] if isinstance(found, (tuple, list)) else found
        return Features(None, found.reshape(len(pixels), -1))


def _contract(preset: Preset, folder: Path, given: VolumeContract) -> VolumeContract:
    if given is not preset.contract:
        return given
    path = folder / CONTRACT_FILE
    if not path.is_file():
        raise MolreError(
            f"which {WINDOWS} windows {preset.name} takes is not published, and no contract is "
            "given",
            where=folder,
            fix=f"write them to {CONTRACT_FILE} beside the weights, or give --contract FILE",
        )
    found = read_contract(path)
    check_kind(preset.name, "3d", found, path)
    assert isinstance(found, VolumeContract)
    return found


def _modality(folder: Path) -> str:
    """The one of the two spellings that the checkpoint's configuration has."""
    text = (folder / "config.json").read_text(encoding="utf-8")
    found = [name for name in MODALITIES if name in _words(_json(text, folder))]
    if len(found) != 1:
        raise MolreError(
            f"names {' and '.join(found) or 'neither ' + ' nor '.join(MODALITIES)}, so molre does "
            "not know what to call a head CT",
            where=folder / "config.json",
            fix=f"give the checkpoint of {NAME}",
        )
    return found[0]


def _json(text: str, folder: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise MolreError("is not JSON", where=folder / "config.json", fix="copy it again") from None


def _words(content: Any) -> set[str]:
    """All keys and strings of a JSON value."""
    if isinstance(content, dict):
        return set(content) | {word for value in content.values() for word in _words(value)}
    if isinstance(content, list):
        return {word for value in content for word in _words(value)}
    return {content} if isinstance(content, str) else set()


def _network(folder: Path) -> nn.Module:
    import transformers

    try:
        network: nn.Module = transformers.AutoModel.from_pretrained(
            folder,
            trust_remote_code=True,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
        )
    except Exception as error:  # of code that is not molre's
        said = str(error).strip().splitlines()[0][:160] if str(error).strip() else ""
        raise MolreError(
            f"its own code cannot be loaded ({type(error).__name__}: {said})", where=folder
        ) from None
    if not callable(getattr(network, "extract_vision_feats", None)):
        raise MolreError(
            f"its code has no extract_vision_feats, so it is not that of {NAME}", where=folder
        )
    return network


def skeleton() -> nn.Module:
    """There is none without the checkpoint's code.

    Raises:
        MolreError: always.
    """
    raise MolreError(f"the network of {NAME} is not published apart from its weights")


PRESETS = {
    NAME: Preset(
        name=NAME,
        slot="3D head CT",
        kind="3d",
        parameters=0,
        dim=1152,
        input="11 x 128 x 256 x 256",
        hub_id="YalaLab/Pillar0-HeadCT",
        license="ECL-2.0 (of its siblings)",
        derivatives="allowed",
        pretraining="14,348 head CT with reports",
        contract=FORM,
        contract_source="number of windows and shape from the publisher; the windows are not "
        "published, so a contract must be given",
        skeleton=skeleton,
        read=read,
        files=("config.json", "*.safetensors", "*.py"),
        gate="https://huggingface.co/YalaLab/Pillar0-HeadCT",
        unverified="its code and its 11 windows are not public apart from the checkpoint, and "
        "nobody has checked what molre feeds it",
        remote_code=True,
    )
}
