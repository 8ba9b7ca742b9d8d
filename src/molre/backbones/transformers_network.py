"""A transformers network of a given configuration, filled with tensors, every one accounted for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from molre.backbones.tensors import Misfit
from molre.errors import MolreError


def read_config(folder: Path) -> dict[str, Any]:
    """A checkpoint's config.json.

    Raises:
        MolreError: it is not a mapping.
    """
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        values = None
    if not isinstance(values, dict):
        raise MolreError("is not a checkpoint's configuration", where=path, fix="download it again")
    return values


def settings(class_name: str, values: dict[str, Any], where: Path) -> Any:
    """A transformers configuration of the values that describe an architecture.

    All else in a config.json is left aside: whose code to run, how to quantise, which kernels to
    fetch for attention.

    Raises:
        MolreError: a value of the wrong kind.
    """
    import transformers

    kind = getattr(transformers, class_name)
    shared = set(transformers.PretrainedConfig().to_dict())
    known = set(kind().to_dict()) - shared
    try:
        return kind(**{key: value for key, value in values.items() if key in known})
    except Exception as error:  # transformers and its checks of types raise many kinds
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise MolreError(
            f"is not a {class_name} ({said})", where=where / "config.json", fix="download it again"
        ) from None


def fill(
    class_name: str,
    config: Any,
    state: dict[str, Tensor],
    where: Path,
    needless: Iterable[str] = (),
) -> Any:
    """A network in float32 with exactly these tensors.

    transformers itself maps the published names onto its modules, which it has renamed between
    4.57 and 5, so tensors keep the names they were published under.

    Args:
        class_name: of transformers.
        config: its configuration object.
        state: tensors by published name.
        where: the checkpoint, for messages.
        needless: parts of names that may be absent, such as ``mask_token``; then they are zero.

    Raises:
        MolreError: a tensor that is missing, left over, or of another shape.
    """
    import transformers

    level = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()  # its load report would be told twice
    transformers.utils.logging.disable_progress_bar()
    try:
        network, report = getattr(transformers, class_name).from_pretrained(
            None, config=config, state_dict=state, output_loading_info=True, dtype=torch.float32
        )
    except Exception as error:  # of a configuration that makes no network, or a damaged tensor
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise MolreError(
            f"does not fit {class_name} ({said})", where=where, fix="give the published checkpoint"
        ) from None
    finally:
        transformers.utils.logging.set_verbosity(level)
    absent = sorted(report["missing_keys"])
    spared = [key for key in absent if any(part in key.split(".") for part in needless)]
    Misfit(
        [key for key in absent if key not in spared],
        sorted(report["unexpected_keys"]),
        sorted(str(key[0]) for key in report["mismatched_keys"]),
    ).refuse(class_name, where)
    for key in spared:
        torch.nn.init.zeros_(network.get_parameter(key))
    return network.eval()
