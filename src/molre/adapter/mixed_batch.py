"""Batches in which each item has its own adapter: peft's ``adapter_names``, as LoRA does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn

from molre.adapter.routed_layer import MoLRELayer

BASE = "__base__"  # peft's word for an item that no adapter works on


@contextmanager
def naming(tuner: nn.Module, names: Any, num_beams: Any = None) -> Iterator[None]:
    """Tell every adapted layer, and every module that is saved beside, the adapter of each item.

    Args:
        tuner: holds the model.
        names: a list, one name an item; None leaves the active adapters.
        num_beams: of a beam search, which repeats each item outside of an encoder.

    Raises:
        ValueError: in training, on a name that is not there, or on anything but a list of names.
    """
    if names is None:
        yield
        return
    _check(tuner, names)
    beams = num_beams if isinstance(num_beams, int) else 1
    repeated = [name for name in names for _ in range(beams)]
    encoder = _encoder(tuner)
    with ExitStack() as hooks:
        for module in tuner.modules():
            if isinstance(module, (MoLRELayer, AuxiliaryTrainingWrapper)):
                mine = list(names) if id(module) in encoder else repeated
                handle = module.register_forward_pre_hook(partial(_name, mine), with_kwargs=True)
                hooks.callback(handle.remove)
        yield


def _name(
    names: list[str], module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    return args, {**kwargs, "adapter_names": names}


def _check(tuner: nn.Module, names: Any) -> None:
    if isinstance(names, str) or not isinstance(names, (list, tuple)):
        raise ValueError(f"adapter_names must be a list with one name per item, got {names!r}.")
    if tuner.training:
        raise ValueError("adapter_names is for inference: call eval() first.")
    known = {a for m in tuner.modules() if isinstance(m, MoLRELayer) for a in m.molre_A}
    unknown = sorted(set(names) - known - {BASE})
    if unknown:
        raise ValueError(
            f"adapter_names asks for {unknown[0]!r}, and this model has {', '.join(sorted(known))}."
        )


def _encoder(tuner: Any) -> set[int]:
    """Modules of the encoder of an encoder-decoder model, by identity."""
    model = tuner.model
    if not getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        return set()
    return {id(module) for module in model.get_encoder().modules()}
