"""``hf:ID-or-folder``: any transformers vision model; no remote code, safetensors only."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.backbones.weight_files import hash_files, safetensors_in
from molre.errors import MolreError

TOWERS = {  # two-tower checkpoints whose vision half has a class of its own
    "siglip": "SiglipVisionModel",
    "clip": "CLIPVisionModel",
}


def load(name: str, weights_dir: Path | None = None, contract: Contract | None = None) -> Backbone:
    """Load ``hf:ID`` or ``hf:FOLDER``.

    Of an ID, WEIGHTS_DIR/ID, WEIGHTS_DIR/LAST-PART or WEIGHTS_DIR itself is taken where it holds a
    checkpoint, else the hub's copy. The pooled embedding is the model's ``pooler_output`` if its
    pooler has trained weights, else the CLS token, else the mean of the tokens. The name that a
    model keeps is the ID or the folder's last part, never a path.

    Raises:
        MolreError: no checkpoint, no vision model, weights that do not fit.
    """
    wanted = name.removeprefix("hf:")
    folder = _folder(wanted, weights_dir)
    config = _config(folder or wanted, wanted)
    contract = contract or Contract()
    network = _network(config, folder or wanted, wanted)
    vision = getattr(config, "vision_config", config)
    _check_size(vision, contract, name)
    paths = safetensors_in(folder) if folder else _hub_files(network)
    weights = Weights(id=folder.name if folder else wanted, sha256=hash_files(paths))
    kept = f"hf:{folder.name}" if folder else name
    network.float()
    return Backbone(kept, network, _features, int(vision.hidden_size), contract, weights)


def _folder(wanted: str, weights_dir: Path | None) -> Path | None:
    candidates = [Path(wanted).expanduser()]
    if weights_dir is not None:
        last = wanted.rstrip("/").rsplit("/", 1)[-1]
        candidates = [weights_dir / wanted, weights_dir / last, weights_dir, *candidates]
    for candidate in candidates:
        if (candidate / "config.json").is_file():
            return candidate.resolve()
    if weights_dir is not None or Path(wanted).is_absolute() or wanted.startswith("."):
        raise MolreError(
            "no transformers checkpoint (config.json and .safetensors) is there",
            where=weights_dir or wanted,
            fix="give the folder that holds both",
        )
    return None


def _config(source: Path | str, wanted: str) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(
            source, trust_remote_code=False, local_files_only=isinstance(source, Path)
        )
    except Exception as error:  # the hub client, JSON and transformers raise many kinds
        raise _absent(source, wanted, error) from None


def _network(config: Any, source: Path | str, wanted: str) -> nn.Module:
    import transformers

    cls = getattr(transformers, TOWERS.get(config.model_type, ""), transformers.AutoModel)
    if isinstance(source, Path):
        safetensors_in(source)
    transformers.utils.logging.disable_progress_bar()
    try:
        network, report = cls.from_pretrained(
            source,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=isinstance(source, Path),
            output_loading_info=True,
        )
    except Exception as error:
        raise _absent(source, wanted, error) from None
    missing = sorted(report["missing_keys"])
    body = [key for key in missing if "pooler" not in key]
    if body:
        raise MolreError(
            f"the checkpoint lacks {len(body)} tensors, {body[0]} first",
            where=source,
            fix="give the checkpoint of this very network",
        )
    network.molre_pooler = not missing and hasattr(network, "pooler")
    return network


def _absent(source: Path | str, wanted: str, error: Exception) -> MolreError:
    if isinstance(source, Path):
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return MolreError(f"cannot be loaded as a vision model ({reason})", where=source)
    return MolreError(
        f"the weights of {wanted!r} are not here and cannot be fetched",
        fix=f"download the checkpoint and give its folder: --weights-dir DIR or hf:DIR ({wanted})",
    )


def _check_size(vision: Any, contract: Contract, name: str) -> None:
    if not hasattr(vision, "hidden_size") or not hasattr(vision, "patch_size"):
        raise MolreError(f"{name} is no vision transformer that molre knows how to read")
    if contract.size % vision.patch_size:
        raise MolreError(
            f"{name}: pictures of {contract.size} do not divide into patches of {vision.patch_size}",
            fix="give another size by --contract FILE",
        )


def _features(network: Any, pixels: Tensor) -> Features:
    options = {}
    if "interpolate_pos_encoding" in network.forward.__code__.co_varnames:
        options["interpolate_pos_encoding"] = True
    found = network(pixel_values=pixels, **options)
    hidden = found.last_hidden_state
    config = getattr(network.config, "vision_config", network.config)
    side = pixels.shape[-1] // config.patch_size
    prefix = hidden.shape[1] - side * side
    tokens = hidden[:, prefix:]
    pooler = getattr(found, "pooler_output", None)
    if pooler is not None and (network.molre_pooler or prefix > 0):
        pooled = pooler if network.molre_pooler or _is_cls(network) else hidden[:, 0]
    else:
        pooled = hidden[:, 0] if prefix > 0 else tokens.mean(1)
    side = math.isqrt(tokens.shape[1])
    return Features(tokens=tokens, pooled=pooled, grid=(side, side))


def _is_cls(network: Any) -> bool:
    """Models whose pooler_output is the normalised CLS token, without weights of a pooler."""
    return not hasattr(network, "pooler")


def _hub_files(network: Any) -> list[Path]:
    from transformers.utils import cached_file

    name = "model.safetensors"
    return [Path(cached_file(network.config._name_or_path, name))]
