"""``hf:ID-or-folder``: any transformers vision model; no remote code, safetensors only."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.backbones.weight_files import fetch, hash_files, safetensors_in
from molre.errors import MolreError

TOWERS = {  # two-tower checkpoints whose vision half has a class of its own
    "siglip": "SiglipVisionModel",
    "clip": "CLIPVisionModel",
}
# tensors that may be absent: poolers (then not used) and what only pretraining needs
OPTIONAL = ("pooler", "head", "mask_token")


def load(name: str, weights_dir: Path | None = None, contract: Contract | None = None) -> Backbone:
    """Load ``hf:ID`` or ``hf:FOLDER``.

    Of an ID, WEIGHTS_DIR/ID, WEIGHTS_DIR/LAST-PART or WEIGHTS_DIR itself is taken where it holds a
    checkpoint, else the hub's copy. The pooled embedding is the model's ``pooler_output`` where
    every tensor of its pooler came from the checkpoint, else the CLS token, else the mean of the
    tokens. Weights become float32. The name that a model keeps is the ID or the folder's last
    part, never a path. Without a contract images are 224 wide, or what the network was built
    for where 224 does not fit it.

    Raises:
        MolreError: no checkpoint, no vision model, weights or a contract that do not fit.
    """
    wanted = name.removeprefix("hf:").rstrip("/")
    folder, revision = _folder(wanted, weights_dir)
    weights = Weights(
        id=wanted if revision else folder.name,
        sha256=hash_files(safetensors_in(folder)),
        revision=revision,
    )
    network, absent = _network(folder)
    kept = f"hf:{weights.id}"
    contract = contract or _default_contract(network)
    read = _Reader(any(part in key.split(".") for key in absent for part in ("pooler", "head")))
    dim = _try(network, read, contract, kept)
    return Backbone(kept, network, read, dim, contract, weights)


def _folder(wanted: str, weights_dir: Path | None) -> tuple[Path, str | None]:
    """The checkpoint's folder, and the hub's revision where it came from there."""
    candidates = [Path(wanted).expanduser()]
    if weights_dir is not None:
        last = wanted.rsplit("/", 1)[-1]
        candidates = [weights_dir / wanted, weights_dir / last, weights_dir, *candidates]
    for candidate in candidates:
        if (candidate / "config.json").is_file():
            return candidate.resolve(), None
    if weights_dir is not None or wanted.startswith((".", "/", "~")):
        raise MolreError(
            "there is no transformers checkpoint (config.json and .safetensors) there",
            where=weights_dir or wanted,
            fix="give the folder that holds both",
        )
    folder = fetch(wanted, ["*.json", "*.safetensors"])
    if folder is None:
        raise MolreError(
            f"the weights of {wanted!r} are not on this machine and cannot be fetched from the hub",
            fix="download config.json and model.safetensors into a folder and give it "
            "with --weights-dir",
        )
    return folder, folder.name


def _network(folder: Path) -> tuple[nn.Module, list[str]]:
    """The network in float32, and the names of tensors that the checkpoint lacks."""
    import transformers

    local: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    level = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()  # its load report would be told twice
    transformers.utils.logging.disable_progress_bar()
    try:
        config = transformers.AutoConfig.from_pretrained(folder, **local)
        cls = getattr(transformers, TOWERS.get(config.model_type, "AutoModel"))
        network, report = cls.from_pretrained(
            folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **local
        )
    except Exception as error:  # JSON, safetensors and transformers raise many kinds
        raise MolreError(
            f"cannot be loaded as a transformers model ({_first_line(error)})", where=folder
        ) from None
    finally:
        transformers.utils.logging.set_verbosity(level)
    if network.main_input_name != "pixel_values":
        raise MolreError(f"{config.model_type} is not a vision model", where=folder)
    absent = sorted(report["missing_keys"])
    needed = [key for key in absent if not any(part in key.split(".") for part in OPTIONAL)]
    if needed:
        raise MolreError(
            f"the checkpoint lacks {len(needed)} tensors, starting with {needed[0]}",
            where=folder,
            fix="give the whole checkpoint of this network",
        )
    return network, absent


def _default_contract(network: Any) -> Contract:
    usual = Contract()
    patch, built_for = (getattr(network.config, k, None) for k in ("patch_size", "image_size"))
    if not isinstance(built_for, int) or not isinstance(patch, int):
        return usual
    fits = usual.size % patch == 0 and (usual.size == built_for or _resamples(network))
    return usual if fits else usual.model_copy(update={"size": built_for})


def _resamples(network: Any) -> bool:
    """Whether position embeddings follow the image's size: asked to, or rotary or by nature."""
    return _takes_interpolation(network) or network.config.model_type.startswith("dino")


def _takes_interpolation(network: nn.Module) -> bool:
    return "interpolate_pos_encoding" in inspect.signature(network.forward).parameters


def _try(network: nn.Module, read: _Reader, contract: Contract, name: str) -> int:
    """Width of the embedding, by one blank image; what does not fit shows here."""
    pixels = torch.zeros(1, len(contract.windows), contract.size, contract.size)
    patch = getattr(network.config, "patch_size", None)
    if isinstance(patch, int) and contract.size % patch:
        raise MolreError(
            f"{name}: images of {contract.size} do not divide into patches of {patch}",
            fix="give another size with --contract FILE",
        )
    try:
        with torch.inference_mode():
            return int(read(network.eval(), pixels).pooled.shape[-1])
    except (ValueError, RuntimeError, TypeError, AttributeError) as error:
        raise MolreError(
            f"{name} does not take {pixels.shape[1]} x {contract.size} x {contract.size} pixels "
            f"({_first_line(error)})",
            fix="give windows and a size that fit it with --contract FILE",
        ) from None


@dataclass(frozen=True)
class _Reader:
    """Features of a transformers network."""

    pooler_untrained: bool

    def __call__(self, network: Any, pixels: Tensor) -> Features:
        """Tokens and the pooled embedding, by the rule that :func:`load` states."""
        options = {"interpolate_pos_encoding": True} if _takes_interpolation(network) else {}
        found = network(pixel_values=pixels, **options)
        hidden = found.last_hidden_state
        pooler = getattr(found, "pooler_output", None)
        prefix, grid = 0, tuple(hidden.shape[-2:])
        if hidden.ndim == 4:  # a convolutional network's map
            hidden = hidden.flatten(2).transpose(1, 2)
        else:
            prefix, grid = _layout(network, hidden.shape[1], pixels.shape[-1])
        tokens = hidden[:, prefix:]
        if pooler is not None and not self.pooler_untrained:
            pooled = pooler.flatten(1)
        else:
            pooled = hidden[:, 0] if prefix else tokens.mean(1)
        return Features(tokens, pooled, grid)


def _layout(network: Any, count: int, size: int) -> tuple[int, tuple[int, int]]:
    """How many tokens come before the patches (CLS, registers), and the patches' grid."""
    patch = getattr(network.config, "patch_size", None)
    side = size // patch if isinstance(patch, int) else count
    if side * side > count:  # a pyramid, whose last grid is coarser than its patches
        side = math.isqrt(count)
    return count - side * side, (side, side)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
