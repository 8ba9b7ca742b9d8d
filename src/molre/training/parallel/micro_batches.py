"""A thread pool for the micro-batches of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import nn

from molre.model.classifier import HeadCTClassifier


@contextmanager
def thread_pool(model: nn.Module) -> Iterator[Executor | None]:
    """A pool with as many threads as torch has; None where a model must run alone.

    A head on cached embeddings is many small operations. Torch would split each of them over its
    threads, which then mostly wait for each other; here each thread has a micro-batch of its own. A
    backbone is notes and hooks that a second thread would disturb, and is large enough to split.

    Args:
        model: in training.
    """
    threads = torch.get_num_threads()
    if threads == 1 or not isinstance(model, HeadCTClassifier):
        yield None
        return
    torch.set_num_threads(1)  # here as well: torch's own threads spin while they wait for work
    try:
        with ThreadPoolExecutor(threads, initializer=lambda: torch.set_num_threads(1)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)
