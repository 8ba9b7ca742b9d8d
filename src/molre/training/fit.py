"""Fit one classifier at one learning rate: AdamW, early stopping on tune, resumable by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from molre.adapter.core import gate_entropy
from molre.errors import MolreError
from molre.evaluation.auc import auc_by_finding
from molre.model.loss import focal_loss
from molre.training.collapse import router_numbers
from molre.training.config import TrainConfig
from molre.training.data import Batch, Loader


@dataclass
class Progress:
    """How far a fit has come; all that a killed run needs to go on to the same bits.

    ``history`` has one row an epoch: epoch, learning_rate, train_loss, tune_auc, gate_entropy,
    and what :func:`molre.training.collapse.router_numbers` gives.
    """

    epoch: int = 0
    best_epoch: int = -1
    best_auc: float = -math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float | int | None]] = field(default_factory=list)

    def stale(self, patience: int) -> bool:
        """Whether tune has not improved for ``patience`` epochs."""
        return self.epoch - 1 - self.best_epoch >= patience


@dataclass(frozen=True)
class Outputs:
    """What a classifier said of a split.

    Attributes:
        logits: float32 (N, K).
        gates: float32 (all slices of the split, E), study after study; None without a router.
    """

    logits: np.ndarray
    gates: Tensor | None

    @property
    def entropy(self) -> float | None:
        """Mean gate entropy of the slices as a share of its maximum; None without a router."""
        return None if self.gates is None else float(gate_entropy(self.gates))


def make_optimizer(model: nn.Module, config: TrainConfig, rate: float) -> torch.optim.AdamW:
    """AdamW with the router slower and no decay on biases."""
    router, decayed, plain = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if ".router." in name or "molre_router" in name:
            router.append(parameter)
        elif parameter.ndim > 1:
            decayed.append(parameter)
        else:
            plain.append(parameter)
    groups = [
        {"params": decayed, "lr": rate, "weight_decay": config.weight_decay},
        {"params": plain, "lr": rate, "weight_decay": 0.0},
        {"params": router, "lr": rate * config.router_rate, "weight_decay": config.weight_decay},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]])


def fit(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    train: Loader,
    tune: Loader,
    weights: Tensor,
    config: TrainConfig,
    after_epoch: Callable[[Progress], None],
) -> Progress:
    """Train until tune stops improving or the budget is spent; the best epoch's weights are kept.

    Args:
        model: changed in place; ends with the best epoch's weights.
        optimizer: of ``model``.
        progress: fresh, or of a fit that was interrupted after an epoch.
        train: training split.
        tune: tuning split.
        weights: (K, 2) class weights, see :func:`molre.model.loss.prevalence_weights`.
        config: budget and loss.
        after_epoch: called after each epoch (checkpoints, progress bar).

    Raises:
        MolreError: a loss that is not finite, naming the studies of the batch.
    """
    while progress.epoch < config.max_epochs and not progress.stale(config.patience):
        torch.manual_seed(_epoch_seed(config.seed, progress.epoch))  # dropout
        loss = _one_epoch(model, optimizer, train, progress.epoch, weights, config.gamma)
        outputs = run(model, tune)
        auc = macro_auc(tune.studies.targets, outputs.logits)
        progress.history.append(
            {
                "epoch": progress.epoch,
                "learning_rate": optimizer.param_groups[0]["lr"],
                "train_loss": loss,
                "tune_auc": auc,
                "gate_entropy": outputs.entropy,
                **router_numbers(model, outputs.gates),
            }
        )
        if auc > progress.best_auc or not progress.best:
            progress.best_auc, progress.best_epoch = auc, progress.epoch
            progress.best = {k: v.clone() for k, v in model.state_dict().items()}
        progress.epoch += 1
        after_epoch(progress)
    model.load_state_dict(progress.best)
    return progress


def run(model: nn.Module, loader: Loader) -> Outputs:
    """Logits and gates of a whole split, in its order."""
    model.eval()
    logits, gates = [], []
    with torch.inference_mode():
        for batch in loader.in_order():
            scores = model(batch.embeddings, batch.mask, batch.bank_index)
            logits.append(scores.logits.numpy())
            if scores.gates is not None:
                gates.append(scores.gates[batch.mask])
    return Outputs(np.concatenate(logits), torch.cat(gates) if gates else None)


def macro_auc(targets: np.ndarray, logits: np.ndarray) -> float:
    """Mean AUC over the findings with both classes; 0.5 where there is none."""
    aucs = auc_by_finding(logits, targets)
    return float(np.nanmean(aucs)) if np.isfinite(aucs).any() else 0.5


def _one_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: Loader,
    epoch: int,
    weights: Tensor,
    gamma: float,
) -> float:
    model.train()
    total, batches = 0.0, 0
    for batch in train.epoch(epoch):
        scores = model(batch.embeddings, batch.mask, batch.bank_index)
        loss = focal_loss(scores.logits, batch.targets, weights, gamma)
        if not torch.isfinite(loss):
            raise MolreError(_not_finite(train, batch), fix="lower --set learning_rates")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total, batches = total + loss.item(), batches + 1
    return total / batches


def _not_finite(train: Loader, batch: Batch) -> str:
    names = ", ".join(train.studies.study[i] for i in batch.rows[:4])
    return f"the loss is not finite in the batch with studies {names} ..."


def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])
