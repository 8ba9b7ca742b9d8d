"""``timm:NAME``: any timm classification network, from a local safetensors file or timm's hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.backbones.weight_files import hash_files
from molre.errors import MolreError, did_you_mean


def load(name: str, weights_dir: Path | None = None, contract: Contract | None = None) -> Backbone:
    """Load ``timm:NAME``.

    The pooled embedding is timm's own pre-logits vector (its global pooling). Weights are
    WEIGHTS_DIR/NAME.safetensors or WEIGHTS_DIR/model.safetensors, else timm's published ones.

    Raises:
        MolreError: unknown name; weights that are not there, do not fit or cannot be fetched.
    """
    import timm

    architecture = name.removeprefix("timm:")
    if architecture.split(".")[0] not in timm.list_models():
        remedy = did_you_mean(architecture, timm.list_models())
        raise MolreError(f"timm has no model {architecture!r}", fix=remedy)
    contract = contract or Contract()
    network = _create(architecture, contract, pretrained=weights_dir is None)
    if weights_dir is None:
        sha256 = _hash_state(network)
    else:
        path = _local(architecture, weights_dir)
        _fill(network, path)
        sha256 = hash_files([path])
    license_name = str((network.pretrained_cfg or {}).get("license") or "unknown")
    weights = Weights(id=name, sha256=sha256, license=license_name)
    return Backbone(name, network, _features, int(network.num_features), contract, weights)


def _create(architecture: str, contract: Contract, pretrained: bool) -> Any:
    import timm

    options: dict[str, Any] = {"num_classes": 0, "in_chans": len(contract.windows)}
    try:
        try:
            return timm.create_model(
                architecture, pretrained=pretrained, img_size=contract.size, **options
            )
        except TypeError:  # convolutional networks take any size and know no img_size
            return timm.create_model(architecture, pretrained=pretrained, **options)
    except Exception as error:  # timm and its hub client raise many kinds
        raise MolreError(
            f"the weights of timm:{architecture} cannot be had ({type(error).__name__})",
            fix=f"put {architecture}.safetensors into a folder and give it by --weights-dir",
        ) from None


def _local(architecture: str, folder: Path) -> Path:
    for name in (f"{architecture}.safetensors", "model.safetensors"):
        if (folder / name).is_file():
            return folder / name
    raise MolreError(
        f"has neither {architecture}.safetensors nor model.safetensors",
        where=folder,
        fix="put the weights there",
    )


def _fill(network: nn.Module, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path)
    except SafetensorError:
        raise MolreError("is not a safetensors file", where=path, fix="copy it again") from None
    result = None
    try:
        result = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise MolreError(f"does not fit the network ({detail})", where=path) from None
    if result.missing_keys:
        raise MolreError(
            f"lacks {len(result.missing_keys)} tensors, {result.missing_keys[0]} first",
            where=path,
            fix="give the checkpoint of this very network",
        )


def _features(network: Any, pixels: Tensor) -> Features:
    found = network.forward_features(pixels)
    pooled = network.forward_head(found, pre_logits=True)
    tokens = found[:, getattr(network, "num_prefix_tokens", 0) :] if found.ndim == 3 else None
    return Features(tokens=tokens, pooled=pooled)


def _hash_state(network: nn.Module) -> str:
    import hashlib

    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
