"""Three steps of DDP over two processes, each with half the batch; run by test_training.py."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from molre.adapter import MoLREConfig
from tests.helpers.adapter.small import SIZES, adapter_weights, small, step


def train(rank: int, folder: str) -> None:
    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    model = small()
    model.add_adapter("idle", MoLREConfig(target_modules=["first"], **SIZES))
    parallel = DistributedDataParallel(model)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    half = torch.load(f"{folder}/x.pt").chunk(2)[rank]
    for _ in range(3):
        optimizer.zero_grad()
        step(parallel, half)
        optimizer.step()
    torch.save(adapter_weights(model), f"{folder}/rank{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    torch.save(torch.randn(8, 8, generator=torch.Generator().manual_seed(0)), f"{sys.argv[1]}/x.pt")
    # forked: what a process imports takes longer than its steps
    multiprocessing.start_processes(train, args=(sys.argv[1],), nprocs=2, start_method="fork")
