"""Synchronized buffers of BatchNorm, when the micro-batches of a batch are spread over processes.

A network that is trained from scratch keeps running means of what it sees: each mean moves a little
towards that of every micro-batch. Where a process sees some of them, its means are combined
with the others' as if one process had seen them all, in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from molre.training.parallel.distributed import Ranks


@contextmanager
def synchronized_buffers(model: nn.Module, ranks: Ranks, after: int) -> Iterator[None]:
    """Make BatchNorm's buffers after a batch those of one process that saw all of it.

    With momentum m a mean r becomes ``(1 - m) r + m s`` at a micro-batch of mean s. That is linear,
    so all processes but the first start from zero, each result shrinks by ``(1 - m)`` for every
    micro-batch that comes after its own, and the sum is what one process would have.

    Args:
        model: in training; its backbone's network has the buffers.
        ranks: the processes.
        after: micro-batches of the batch that come after this process's own.
    """
    norms = _norms(model) if ranks.world > 1 else []
    means = [(norm, b) for norm in norms for b in norm.buffers(recurse=False) if b.ndim]
    counts = [b for norm in norms for b in norm.buffers(recurse=False) if not b.ndim]
    before = [int(count) for count in counts]
    for _, mean in means if not ranks.first else ():
        mean.zero_()
    yield
    for norm, mean in means:
        shrink = (1 - (norm.momentum or 0)) ** after
        mean.copy_(ranks.all_reduce_(mean.double() * shrink))
    for count, start in zip(counts, before, strict=True):
        count.copy_(start + ranks.all_reduce_(count - start))


def _norms(model: nn.Module) -> list[_BatchNorm]:
    adapted = getattr(model, "adapted", None)
    if adapted is None:
        return []
    modules = adapted.backbone.network.modules()
    return [m for m in modules if isinstance(m, _BatchNorm) and m.training]
