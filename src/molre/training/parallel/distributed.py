"""Several processes train as one: a launcher starts them, and each takes its shard.

Process 0 writes the files; all of them read the same ones. Nothing here decides what is computed:
a run of several processes takes the same batches, drops the same numbers and adds up the same
gradients as one.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from threading import Thread

import numpy as np
import torch
from torch import Tensor, distributed

from molre.errors import MolreError
from molre.training.parallel.launcher_env import LauncherEnv, launcher_env

# embedding a large cohort takes days; a process that dies is noticed by its closed connection
PATIENCE = timedelta(days=14)
FAILED = "molre/failed"
LEAVING = 10.0  # s that process 0, which keeps the store, waits for the others


@dataclass(frozen=True)
class Ranks:
    """The processes of a run, as one of them sees it.

    Attributes:
        rank: which one this is, from 0.
        world: how many there are.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def shard(self, count: int) -> slice:
        """This process's part of ``count`` things, the parts as equal as can be; may be empty."""
        return slice(self.rank * count // self.world, (self.rank + 1) * count // self.world)

    def barrier(self) -> None:
        """Return when every process is here."""
        self.all_reduce_(torch.zeros(1))

    def all_reduce_(self, tensor: Tensor) -> Tensor:
        """Sum over the processes, in place."""
        return self._reduce(tensor, distributed.ReduceOp.SUM)

    def all_reduce_max(self, *numbers: int) -> tuple[int, ...]:
        """The largest of each number over the processes."""
        values = self._reduce(torch.tensor(numbers), distributed.ReduceOp.MAX)
        return tuple(int(v) for v in values)

    def broadcast_(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors by those of process 0."""
        if self.world > 1:
            with _peers_alive():
                for tensor in tensors:
                    distributed.broadcast(tensor, 0)

    def broadcast(self, number: float) -> float:
        """The number that process 0 has: a decision on it is then the same everywhere."""
        value = torch.tensor(number, dtype=torch.float64)
        self.broadcast_([value])
        return float(value)

    def assert_same(self, facts: object, what: str) -> None:
        """Check that a fact is the same in all processes.

        Args:
            facts: compared by its ``repr``.
            what: it is, for the sentence.

        Raises:
            MolreError: it differs.
        """
        digest = hashlib.sha256(repr(facts).encode()).digest()
        mine = int.from_bytes(digest[:7], "big")
        low, high = self.all_reduce_max(-mine, mine)
        if -low != high:
            raise MolreError(
                f"the processes of this run do not see the same {what}",
                fix="give all of them the same command and folders that all machines share",
            )

    def all_gather_rows(
        self, part: Tensor | None, rows: Sequence[int] | np.ndarray, total: int
    ) -> Tensor:
        """Gather rows that the processes have worked out, for all of them.

        Args:
            part: (len(rows), ...) of this process; None where it has none.
            rows: their places among all.
            total: number of rows over all processes.

        Returns:
            (total, ...) float32.
        """
        shape = () if part is None else tuple(part.shape[1:])
        dims, *sizes = self.all_reduce_max(len(shape), *shape, *([0] * (4 - len(shape))))
        whole = torch.zeros(total, *sizes[:dims])
        if part is not None:
            whole[torch.as_tensor(np.asarray(rows, dtype=np.int64))] = part.float()
        # each row is one process's and zero elsewhere, so the sum is exact
        return self.all_reduce_(whole)

    def all_gather_runs(
        self, parts: Sequence[Tensor], rows: Sequence[int] | np.ndarray, total: int
    ) -> Tensor | None:
        """Gather runs of rows, such as a study's slices, in the order of the studies.

        Args:
            parts: (S_i, ...) of this process.
            rows: which study each is of.
            total: number of studies over all processes.

        Returns:
            (all slices, ...) float32; None where no process has any.
        """
        if self.all_reduce_max(len(parts)) == (0,):
            return None
        lengths = torch.tensor([len(part) for part in parts]) if parts else None
        counts = self.all_gather_rows(lengths, rows, total).long().numpy()
        ends = np.cumsum(counts)
        places = [np.arange(ends[row] - counts[row], ends[row]) for row in rows]
        joined = torch.cat(list(parts)) if parts else None
        return self.all_gather_rows(joined, np.concatenate(places) if parts else [], int(ends[-1]))

    def all_reduce_gradients(
        self, sums: Sequence[Tensor | None], like: Sequence[Tensor]
    ) -> list[Tensor | None]:
        """Sum each gradient over the processes; None where none of them has it.

        Args:
            sums: float64, of this process.
            like: the parameters, for shape and device.
        """
        if self.world == 1:
            return list(sums)
        whole: list[Tensor | None] = [None] * len(sums)
        for device in dict.fromkeys(p.device for p in like):
            here = [i for i, p in enumerate(like) if p.device == device]
            parts = [_or_zeros(sums[i], like[i]) for i in here]
            have = parts[0].new_tensor([sums[i] is not None for i in here])
            flat = self.all_reduce_(torch.cat([*parts, have]))
            *split, have = flat.split([*(len(part) for part in parts), len(here)])
            for i, part, count in zip(here, split, have.tolist(), strict=True):
                whole[i] = part.view_as(like[i]) if count else None
        return whole

    def _reduce(self, tensor: Tensor, how: distributed.ReduceOp.RedOpType) -> Tensor:
        if self.world > 1:
            with _peers_alive():
                distributed.all_reduce(tensor, how)
        return tensor


def _or_zeros(part: Tensor | None, like: Tensor) -> Tensor:
    if part is None:
        return torch.zeros(like.numel(), dtype=torch.float64, device=like.device)
    return part.flatten()


ALONE = Ranks()


class LostProcessError(MolreError):
    """Another process of the run is gone."""


@contextmanager
def together(device: str) -> Iterator[Ranks]:
    """The processes that torchrun started, or accelerate launch as it does; one where nothing did.

    Gradients travel by nccl between CUDA devices and by gloo otherwise. When one process fails,
    its sentence is the only one: the others leave without a word.

    Args:
        device: torch device; "cuda" becomes this process's own.

    Raises:
        MolreError: a process that is gone, more processes than devices, or nowhere to meet.
    """
    place = launcher_env()
    if place.world == 1:
        yield ALONE
        return
    cuda = torch.device(device).type == "cuda"
    if cuda:
        _own_device(place.local_rank)
    store = _join(place, "cpu:gloo,cuda:nccl" if cuda else "gloo")
    try:
        yield Ranks(place.rank, place.world)
    except Exception as error:
        atexit.unregister(distributed.destroy_process_group)  # would wait for those that are gone
        if not _first_to_fail(store, place, isinstance(error, LostProcessError)):
            raise SystemExit(getattr(error, "exit_code", 2)) from None
        raise


def _own_device(local: int) -> None:
    count = torch.cuda.device_count()
    if local >= count:
        raise MolreError(
            f"process {local} of this machine has no CUDA device: there are {count}",
            fix=f"start {count} processes (--nproc-per-node {count}), or use --device cpu",
        )
    torch.cuda.set_device(local)


@cache
def _join(place: LauncherEnv, backend: str) -> distributed.Store | None:
    """Meet the other processes; what they share, None where a caller had them meet before."""
    if distributed.is_initialized():
        return None
    # Its functions take the group that is there when they are imported as a default, and keep it
    # alive: imported later, by the first step of an optimizer, gloo's threads outlive the group
    # and abort the process if one drops a tensor while the interpreter ends.
    importlib.import_module("torch.distributed.nn")
    store, _, _ = next(distributed.rendezvous("env://", place.rank, place.world))
    store.set_timeout(PATIENCE)
    distributed.init_process_group(
        backend, timeout=PATIENCE, store=store, rank=place.rank, world_size=place.world
    )
    atexit.register(distributed.destroy_process_group)
    return store


def _first_to_fail(store: distributed.Store | None, place: LauncherEnv, lost: bool) -> bool:
    """Whether no other process has said what went wrong.

    Without it each process that waits for the one that failed would add that it is gone, and no
    reader could tell which sentence matters.

    Args:
        store: of all processes.
        place: of this one.
        lost: what failed is that another one is gone.
    """
    if store is None:
        return True
    with suppress(RuntimeError):  # the store went with the process that kept it
        count = int(store.add(FAILED, 1))
        if count == 1 and place.rank == 0 and not lost:
            # the others wait for this process: they hear of it when its connections close
            Thread(target=distributed.destroy_process_group, daemon=True).start()
            end = time.monotonic() + LEAVING
            while int(store.add(FAILED, 0)) < place.world and time.monotonic() < end:
                time.sleep(0.02)
        return count == 1
    return True


@contextmanager
def _peers_alive() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:
        raise LostProcessError(
            "another process of this run is gone, killed or cut off",
            fix="run the same command again to resume where it stopped",
        ) from None
