"""``timm:NAME``: any timm classification network, from a local safetensors file or timm's hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.backbones.weight_files import fetch, hash_files
from molre.errors import MolreError, did_you_mean


def load(name: str, weights_dir: Path | None = None, contract: Contract | None = None) -> Backbone:
    """Load ``timm:NAME``.

    The pooled embedding is timm's own pre-logits vector (its global pooling). Weights are
    WEIGHTS_DIR/NAME.safetensors or WEIGHTS_DIR/model.safetensors, else timm's published ones;
    timm's own loading fits position embeddings and the first layer to the contract.

    Raises:
        MolreError: unknown name; weights that are not there, do not fit or cannot be fetched.
    """
    import timm

    architecture = name.removeprefix("timm:")
    if architecture.split(".")[0] not in timm.list_models():
        remedy = did_you_mean(architecture, timm.list_models())
        raise MolreError(f"timm has no model {architecture!r}", fix=remedy)
    contract = contract or Contract()
    path = _local(architecture, weights_dir) if weights_dir else _published(architecture)
    network = _create(architecture, contract, path)
    license_name = str((network.pretrained_cfg or {}).get("license") or "unknown")
    weights = Weights(id=name, sha256=hash_files([path]), license=license_name)
    dim = int(getattr(network, "head_hidden_size", None) or network.num_features)
    return Backbone(name, network, _features, dim, contract, weights)


def _local(architecture: str, folder: Path) -> Path:
    for name in (f"{architecture}.safetensors", "model.safetensors"):
        if (folder / name).is_file():
            return folder / name
    raise MolreError(
        f"has neither {architecture}.safetensors nor model.safetensors",
        where=folder,
        fix="put the weights there",
    )


def _published(architecture: str) -> Path:
    """Timm's published file in the hub's local cache, fetched if it is not there yet."""
    import timm

    known = timm.models.get_pretrained_cfg(architecture, allow_unregistered=True)
    repository = (known.hf_hub_id if known is not None else None) or ""
    if known is not None and repository.endswith("/"):
        repository += ".".join(part for part in (known.architecture, known.tag) if part)
    folder = fetch(repository, ["model.safetensors"]) if repository else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise MolreError(
            f"the weights of timm:{architecture} are not on this machine and cannot be fetched "
            "from the hub",
            fix=f"put {architecture}.safetensors into a folder and give it with --weights-dir",
        )
    return folder / "model.safetensors"


def _create(architecture: str, contract: Contract, path: Path) -> Any:
    """The network with the file's weights; timm passes over missing ones, molre does not."""
    import timm
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            there = set(file.keys())
    except SafetensorError:
        raise MolreError("is not a safetensors file", where=path, fix="copy it again") from None
    options: dict[str, Any] = {
        "pretrained": True,
        "pretrained_cfg_overlay": {"file": str(path), "custom_load": False},
        "num_classes": 0,
        "in_chans": len(contract.windows),
    }
    try:
        try:
            network = timm.create_model(architecture, img_size=contract.size, **options)
        except TypeError:  # convolutional networks take any size and know no img_size
            network = timm.create_model(architecture, **options)
    except (RuntimeError, ValueError, AssertionError, KeyError, TypeError) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[-1].strip()
        raise MolreError(
            f"does not fit {architecture} ({detail})",
            where=path,
            fix="give the checkpoint of exactly this network",
        ) from None
    missing = sorted(set(network.state_dict()) - there)
    if missing:
        raise MolreError(
            f"lacks {len(missing)} tensors of {architecture}, starting with {missing[0]}",
            where=path,
            fix="give the checkpoint of exactly this network",
        )
    return network


def _features(network: Any, pixels: Tensor) -> Features:
    found = network.forward_features(pixels)
    pooled = network.forward_head(found, pre_logits=True)
    tokens = found[:, getattr(network, "num_prefix_tokens", 0) :] if found.ndim == 3 else None
    return Features(tokens=tokens, pooled=pooled)
