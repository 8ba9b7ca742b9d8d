"""Fit one classifier at one learning rate: AdamW, early stopping on tune, resumable by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from molre.adapter.core import gate_entropy
from molre.evaluation.statistics.auc import auc_by_finding
from molre.training.collapse import router_numbers
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.parallel.dropout import Noise
from molre.training.parallel.micro_batches import side_by_side
from molre.training.step import NotFinite, step


@dataclass
class Progress:
    """How far a fit has come; all that a killed run needs to go on to the same bits.

    ``history`` has one row an epoch: epoch, learning_rate, train_loss, tune_auc, gate_entropy,
    and what :func:`molre.training.collapse.router_numbers` gives. ``step`` counts the batches of
    the epoch that are done, and ``total`` is the sum of their losses.
    """

    epoch: int = 0
    best_epoch: int = -1
    best_auc: float = -math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float | int | None]] = field(default_factory=list)
    step: int = 0
    total: float = 0.0

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
    """AdamW with the router slower, and no decay on biases, the router's among them."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            routes = ".router." in name or "molre_router" in name
            groups.setdefault((routes, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": rate * config.router_rate if routes else rate,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (routes, decays), parameters in sorted(groups.items(), key=_group_order)
        ],
        fused=True,
    )


def _group_order(item: tuple[tuple[bool, bool], list[nn.Parameter]]) -> tuple[bool, bool]:
    (routes, decays), _ = item
    return routes, not decays


def fit(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    train: Loader,
    tune: Loader,
    weights: Tensor,
    config: TrainConfig,
    after_epoch: Callable[[Progress], None],
    after_step: Callable[[Progress], None] | None = None,
) -> Progress:
    """Train until tune stops improving or the budget is spent; the best epoch's weights are kept.

    Args:
        model: changed in place; ends with the best epoch's weights.
        optimizer: of ``model``.
        progress: fresh, or of a fit that was interrupted after an epoch or a step.
        train: training split; its ranks are the processes that train together.
        tune: tuning split.
        weights: (K, 2) class weights, see :func:`molre.model.loss.prevalence_weights`.
        config: budget and loss.
        after_epoch: called after each epoch (checkpoints, progress bar).
        after_step: called after each step within an epoch.

    Raises:
        MolreError: see :func:`molre.training.step.step`; a model whose answers are not finite.
    """
    ranks = train.ranks
    while progress.epoch < config.max_epochs and not progress.stale(config.patience):
        ranks.copy(p.data for p in model.parameters())  # machines may round differently
        loss = _one_epoch(model, optimizer, progress, train, weights, config, after_step)
        outputs = run(model, tune)
        _check_finite(outputs, tune)  # of the epoch's last step nothing else would tell
        auc = ranks.told(macro_auc(tune.studies.targets, outputs.logits))
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
        progress.step, progress.total = 0, 0.0
        after_epoch(progress)
    model.load_state_dict(progress.best)
    return progress


def _check_finite(outputs: Outputs, loader: Loader) -> None:
    """Refuse to keep, or to go on with, a model that answers no number.

    Raises:
        NotFinite: naming a study of which it has none.
    """
    bad = np.flatnonzero(~np.isfinite(outputs.logits).all(axis=1))
    if len(bad):
        raise NotFinite(
            f"the model's answer is not finite for study {loader.studies.study[bad[0]]}",
            fix="lower --set learning_rates",
        )


def run(model: nn.Module, loader: Loader) -> Outputs:
    """Logits and gates of a whole split, in its order, to every process."""
    model.eval()
    logits: list[Tensor] = []
    gates: list[Tensor] = []
    rows: list[int] = []
    with torch.inference_mode():
        for batch in loader.in_order():
            scores = model(batch.embeddings, batch.mask, batch.bank_index)
            logits.append(scores.logits)
            rows += batch.rows.tolist()
            if scores.gates is not None:
                gates += scores.gates[batch.mask].split(batch.mask.sum(1).tolist())
    ranks, total = loader.ranks, len(loader.studies)
    joined = torch.cat(logits) if logits else None
    return Outputs(
        ranks.collect(joined, rows, total).numpy(), ranks.collect_runs(gates, rows, total)
    )


def macro_auc(targets: np.ndarray, logits: np.ndarray) -> float:
    """Mean AUC over the findings with both classes; 0.5 where there is none."""
    aucs = auc_by_finding(logits, targets)
    return float(np.nanmean(aucs)) if np.isfinite(aucs).any() else 0.5


def _one_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    train: Loader,
    weights: Tensor,
    config: TrainConfig,
    after_step: Callable[[Progress], None] | None,
) -> float:
    head: Any = getattr(model, "head", model)
    p, dim = head.dropout.p, head.center.shape[-1]
    noise = Noise(config.seed, progress.epoch, p, dim) if p else None
    model.train()
    with side_by_side(model) as pool:
        for share in train.epoch(progress.epoch, noise, progress.step):
            progress.total += step(model, optimizer, train, share, weights, config.gamma, pool)
            progress.step += 1
            if after_step is not None:
                after_step(progress)
    return progress.total / progress.step
