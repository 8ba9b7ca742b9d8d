"""Layers whose batch axis is not a batch of images, and layers that are never called.

Attention in windows (Swin, DaViT, MaxViT) folds the windows into the batch: a layer inside it sees
(windows of all images, tokens, d), so a gate for each item would be a gate for each window. torch's
transformer layers put the tokens first unless told otherwise, (tokens, batch, d): a mean over the
second axis would mix the items. MobileViT folds the places inside of its patches into the batch.
"""

from __future__ import annotations

import re

from torch import nn

_WINDOWED = re.compile(r"window|partition", re.IGNORECASE)
_FOLDS = re.compile(r"MobileVi[tT](Block|Layer)")  # those of its second version do not
_MLP = re.compile(r"mlp|ffn|feed_forward", re.IGNORECASE)


def check_target(model: nn.Module, key: str, gate_mode: str) -> None:
    """Refuse a target that MoLRE would adapt wrongly without a sign.

    Args:
        model: the model that holds it.
        key: the target's name.
        gate_mode: ``token`` gates do not depend on the batch axis and are allowed in windows.

    Raises:
        ValueError: naming the target, why, and what to adapt instead.
    """
    parents = [name for name in _parents(key) if name]
    if parents and isinstance(model.get_submodule(parents[-1]), nn.MultiheadAttention):
        raise ValueError(
            f"{key} belongs to torch's nn.MultiheadAttention, which reads its weight and never "
            f"calls it: an adapter there would do nothing. Add it to exclude_modules."
        )
    if gate_mode == "token":
        return
    first = next(
        (name for name in ["", *parents] if _tokens_first(model.get_submodule(name))), None
    )
    if first is not None:
        raise ValueError(
            f"{key} is inside {type(model.get_submodule(first)).__name__} with batch_first=False, "
            f"whose first axis is tokens, not items, so gate_mode={gate_mode!r} would mix "
            "the batch: build it with batch_first=True, or use gate_mode='token'."
        )
    if any(_FOLDS.fullmatch(type(model.get_submodule(name)).__name__) for name in parents) and (
        "transformer" in key.split(".")
    ):
        raise ValueError(
            f"{key} sees pixels of many patches folded into the batch, as the MLPs there do, so "
            f"gate_mode={gate_mode!r} would gate parts of an image, not the image: use "
            "gate_mode='token', or adapt the convolutions around it."
        )
    attention = _attention_of(model, parents)
    if attention is not None and _in_windows(model, attention):
        raise ValueError(
            f"{key} is inside window attention, with the windows folded into the batch, so "
            f"gate_mode={gate_mode!r} would gate each window separately, not the image. Adapt "
            f"the MLPs instead ({_mlp_names(model)}), or use gate_mode='token'."
        )


def _tokens_first(module: nn.Module) -> bool:
    """A layer of torch's, or of the first CLIP's layout, that is given (tokens, batch, d)."""
    torchs = isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer))
    if not torchs and type(module).__name__ != "ResidualAttentionBlock":
        return False
    inside = module.children()
    return any(isinstance(m, nn.MultiheadAttention) and not m.batch_first for m in inside)


def _attention_of(model: nn.Module, parents: list[str]) -> str | None:
    """The innermost attention around a target; none for an MLP that a block of attention holds."""
    for name in reversed(parents):
        if _MLP.fullmatch(name.rpartition(".")[2]):
            return None
        if _is_attention(model, name):
            return name
    return None


def in_attention(model: nn.Module, key: str) -> bool:
    """Whether a module is a part of attention, by its parents' classes and names."""
    return any(_is_attention(model, name) for name in _parents(key) if name)


def _parents(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[:i]) for i in range(len(parts))]


def _is_attention(model: nn.Module, name: str) -> bool:
    return "attention" in type(model.get_submodule(name)).__name__.lower() or name.endswith("attn")


def _in_windows(model: nn.Module, attention: str) -> bool:
    module = model.get_submodule(attention)
    block = model.get_submodule(attention.rpartition(".")[0])
    if any(_WINDOWED.search(type(m).__name__) for m in (module, block)):
        return True
    return any(bool(_size(getattr(m, "window_size", 0))) for m in (module, block))


def _size(window: object) -> object:
    """A window size of 0, None or (0, 0) means no windows."""
    return any(window) if isinstance(window, (tuple, list)) else window


def _mlp_names(model: nn.Module) -> str:
    pattern = re.compile(r"\.(mlp|ffn|intermediate|output)\b", re.IGNORECASE)
    linears = (n for n, m in model.named_modules() if isinstance(m, nn.Linear))
    ends = {name.rsplit(".", 1)[-1] for name in linears if pattern.search(name)}
    ends -= {"qkv", "proj"}
    named = ", ".join(repr(end) for end in sorted(ends))
    return f"target_modules=[{named}]" if named else "see model.named_modules()"
