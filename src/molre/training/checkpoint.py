"""A fit's state, in memory and on disk: a killed run resumes where it stopped, to the same bits."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from molre import files
from molre.model.folder import part

Row = dict[str, float | int | None]


@dataclass(frozen=True)
class Progress:
    """How far a fit has come; all that a killed run needs to go on to the same bits.

    Attributes:
        epoch: epochs that are done.
        best_epoch: the one with the best tune AUC.
        best_auc: that AUC.
        best: the model's state after that epoch.
        history: one row an epoch: epoch, learning_rate, train_loss, tune_auc, gate_entropy, and
            what :func:`molre.training.collapse.router_numbers` gives.
        step: batches of the running epoch that are done.
        total: the sum of their losses.
    """

    epoch: int = 0
    best_epoch: int = -1
    best_auc: float = -math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    history: Sequence[Row] = ()
    step: int = 0
    total: float = 0.0

    def stale(self, patience: int) -> bool:
        """Whether tune has not improved for ``patience`` epochs."""
        return self.epoch - 1 - self.best_epoch >= patience

    def after_step(self, loss: float) -> Progress:
        """One batch further."""
        return replace(self, step=self.step + 1, total=self.total + loss)

    def after_epoch(self, row: Row, auc: float, model: nn.Module) -> Progress:
        """One epoch further; the model's weights are kept if ``auc`` is the best so far."""
        done = replace(self, epoch=self.epoch + 1, step=0, total=0.0, history=(*self.history, row))
        if self.best and auc <= self.best_auc:
            return done
        best = {name: value.clone() for name, value in model.state_dict().items()}
        return replace(done, best_epoch=self.epoch, best_auc=auc, best=best)


@dataclass
class Checkpoint:
    """One file, RUN/checkpoint-RATE.safetensors, for the fit in progress.

    Args:
        path: the file.
        key: what the fit is (configuration, learning rate, data); a file with another key is
            ignored.
        every: seconds between saves, at least; saving takes at most a twentieth of the time.
    """

    path: Path
    key: str
    every: float = 5.0
    due: float = 0.0

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
        """Save, if the last save is long enough ago."""
        from safetensors.torch import save

        started = time.monotonic()
        if started < self.due:
            return
        tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in progress.best.items()}
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": v for k, v in state.items()}
        clean = {k: v.detach().contiguous() for k, v in tensors.items()}
        facts = {
            "key": self.key,
            "sha256": _sha256(clean),
            "epoch": progress.epoch,
            "best_epoch": progress.best_epoch,
            "best_auc": progress.best_auc,
            "history": list(progress.history),
            "step": progress.step,
            "total": progress.total,
        }
        files.write_bytes(self.path, save(clean, metadata={"facts": json.dumps(facts)}))
        done = time.monotonic()
        self.due = done + max(self.every, 19 * (done - started) if self.every else 0)

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
        """Progress of the interrupted fit of the same key, or a fresh one."""
        from safetensors import SafetensorError, safe_open

        if not self.path.is_file():
            return Progress()
        try:
            with safe_open(self.path, "pt") as file:
                facts = json.loads(file.metadata()["facts"])
                tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, ValueError, TypeError):
            return Progress()
        if facts.pop("key") != self.key or facts.pop("sha256", None) != _sha256(tensors):
            return Progress()
        model.load_state_dict(part(tensors, "model."))
        state = optimizer.state_dict()
        state["state"] = _optimizer_state(part(tensors, "optimizer."))
        optimizer.load_state_dict(state)
        return Progress(best=part(tensors, "best."), **facts)


def _sha256(tensors: dict[str, Tensor]) -> str:
    """Of the bytes, so that a file that is whole but not what was written is told apart."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _optimizer_state(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    return state
