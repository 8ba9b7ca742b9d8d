"""Slices through a network a chunk at a time; a chunk that does not fit into memory is halved."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from molre.errors import MolreError

T = TypeVar("T")

_CPU_MESSAGE = "can't allocate memory"
_SIZE = r"([\d.]+ (?:bytes|[KMGT]iB))"


_fits: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()


def in_halves(
    run: Callable[..., T], inputs: Sequence[Tensor], size: int, network: nn.Module, what: str
) -> list[T]:
    """Run ``size`` rows at a time, and half as many from where they do not fit.

    Args:
        run: given the same rows of each input.
        inputs: (S, ...) each.
        size: rows of a chunk, at least 1.
        network: that is run; what fitted it is remembered for the next call.
        what: is run, for the sentence where one row is too much, such as ``"embedding a slice"``.

    Returns:
        the results in order.

    Raises:
        MolreError: one row does not fit.
    """
    parts: list[T] = []
    start, total, size = 0, len(inputs[0]), min(size, _fits.get(network, size))
    while start < total:
        try:
            parts.append(run(*(x[start : start + size] for x in inputs)))
            start += size
            continue
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            problem = too_little_memory(error, what)
        if size == 1:  # out of the except clause, whose frames hold memory
            raise problem
        size //= 2
        _fits[network] = size
        release_memory()
    return parts


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch could not get memory, on a device or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or _CPU_MESSAGE in str(error)


def too_little_memory(error: RuntimeError, what: str) -> MolreError:
    """One sentence from torch's own: what was done, what it needs, and what there is."""
    text = str(error)
    need = re.search(rf"(?:[Tt]ried to allocate) {_SIZE}", text)
    have = re.search(rf"{_SIZE} is free", text)
    if need and have:
        needs = f"needs another {need[1]}, but only {have[1]} is free"
    else:
        needs = f"needs {need[1]} more than is free" if need else "needs more than is free"
    return MolreError(
        f"too little memory: {what} {needs}",
        fix="close other programs on the device, choose a smaller backbone or image "
        "size (--contract), or another --device",
    )


def release_memory() -> None:
    """Give back what torch keeps for reuse."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
