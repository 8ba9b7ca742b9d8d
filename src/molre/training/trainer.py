"""Train one classifier at one learning rate: a fit is epochs, an epoch steps, a step gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from molre.embedding.chunks import is_out_of_memory, release_memory, too_little_memory
from molre.model.loss import focal_loss, prevalence_weights
from molre.training.checkpoint import Progress
from molre.training.collapse import router_numbers
from molre.training.config import TrainConfig
from molre.training.data import Batch, Loader, Shard
from molre.training.failures import device_failed, loss_not_finite, refuse_not_finite
from molre.training.fit_budget import FitBudget
from molre.training.inference import macro_auc, predict
from molre.training.optimizer import make_optimizer
from molre.training.parallel.batch_norm import synchronized_buffers
from molre.training.parallel.distributed import Ranks
from molre.training.parallel.dropout import DropoutNoise
from molre.training.parallel.micro_batches import thread_pool

MAX_NORM = 1.0  # that gradients are clipped to


@dataclass(frozen=True)
class Gradients:
    """Of one micro-batch.

    Attributes:
        loss: float32 scalar.
        of: float32 of each parameter; None where it was not used.
    """

    loss: Tensor
    of: Sequence[Tensor | None]


@dataclass(frozen=True)
class Trainer:
    """What never changes while a model is fitted; what does is the :class:`Progress`.

    Attributes:
        model: its weights are trained in place.
        optimizer: of the model; its first group has the learning rate.
        weights: (K, 2) class weights, see :func:`molre.model.loss.prevalence_weights`.
        config: budget, loss and seed.
        train: training split.
        tune: tuning split, which tells when to stop.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    weights: Tensor
    config: TrainConfig
    train: Loader
    tune: Loader

    @classmethod
    def at_rate(
        cls, rate: float, model: nn.Module, config: TrainConfig, train: Loader, tune: Loader
    ) -> Trainer:
        """AdamW at a learning rate, classes weighted by their prevalence in train."""
        weights = prevalence_weights(torch.from_numpy(train.studies.targets))
        return cls(model, make_optimizer(model, config, rate), weights, config, train, tune)

    @property
    def ranks(self) -> Ranks:
        """The processes that train together."""
        return self.train.ranks

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """Those that are trained."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def fit(
        self,
        progress: Progress = Progress(),
        after: Callable[[Progress], None] = lambda progress: None,
    ) -> Progress:
        """Train until tune stops improving or the budget is spent.

        Args:
            progress: fresh, or of a fit that was interrupted after a step or an epoch.
            after: called after every step and every epoch (checkpoints).

        Returns:
            how far it came; the model ends with the best epoch's weights.

        Raises:
            NotFinite: a loss or an answer that is not, naming the studies.
            MolreError: a device that failed, naming the studies; too little memory for one slice;
                another process that is gone.
        """
        budget = FitBudget.of(self.config, len(self.train.studies))
        while progress.epoch < budget.epochs and not progress.stale(budget.patience):
            progress = self.epoch(progress, after)
            after(progress)
        self.model.load_state_dict(progress.best)
        return progress

    def epoch(self, progress: Progress, after: Callable[[Progress], None]) -> Progress:
        """Every training scan once, or what is left of them, then the AUC on tune."""
        self.ranks.broadcast_(p.data for p in self.model.parameters())  # machines round differently
        self.model.train()
        noise = self._dropout_noise(progress.epoch)
        with thread_pool(self.model) as pool:
            for shard in self.train.epoch(progress.epoch, noise, progress.step):
                progress = progress.after_step(self.step(shard, pool))
                after(progress)
        outputs = predict(self.model, self.tune)
        refuse_not_finite(outputs, self.tune.studies)  # nothing else would tell of the last step
        auc = self.ranks.broadcast(macro_auc(self.tune.studies.targets, outputs.logits))
        row = {
            "epoch": progress.epoch,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "train_loss": progress.total / progress.step,
            "tune_auc": auc,
            "gate_entropy": outputs.entropy,
            **router_numbers(self.model, outputs.gates),
        }
        return progress.after_epoch(row, auc, self.model)

    def step(self, shard: Shard, pool: Executor | None = None) -> float:
        """Take one step on a batch, of which this process has a shard.

        The loss is divided by the labels of the whole batch. Gradients of the micro-batches are
        added up in float64, within the process and over the processes, and clipped after that:
        rounding that depended on how a batch is sharded would be magnified by Adam, which divides
        by the size of a gradient however small it is.

        Args:
            shard: this process's.
            pool: works out micro-batches in parallel.

        Returns:
            loss of the whole batch.
        """
        loss = torch.zeros((), dtype=torch.float64)
        sums: list[Tensor | None] = [None] * len(self.parameters)
        gradients = partial(self.gradients, known=shard.known)
        with synchronized_buffers(self.model, self.ranks, shard.after):
            for found in (pool.map if pool is not None else map)(gradients, shard.micro_batches):
                loss += found.loss
                sums = [_added(total, one) for total, one in zip(sums, found.of, strict=True)]
        sums = self.ranks.all_reduce_gradients(sums, self.parameters)
        for parameter, total in zip(self.parameters, sums, strict=True):
            parameter.grad = None if total is None else total.to(parameter.dtype)
        nn.utils.clip_grad_norm_(self.parameters, MAX_NORM)
        self.optimizer.step()
        return float(self.ranks.all_reduce_(loss))

    def gradients(self, batch: Batch, known: Tensor) -> Gradients:
        """Forward and backward pass of one micro-batch; what goes wrong names its studies.

        Args:
            batch: the micro-batch.
            known: labels of the whole batch, which its loss is divided by.
        """
        try:
            found = self._backward(batch, known)
        except torch.AcceleratorError as error:
            raise device_failed(error, batch, self.train.studies) from None
        if not torch.isfinite(found.loss):
            raise loss_not_finite(self.model, batch, self.train.studies)
        return found

    def _backward(self, batch: Batch, known: Tensor) -> Gradients:
        """What does not fit into memory is tried again in smaller chunks, if the model has any."""
        while True:
            try:
                scores = self.model(
                    batch.embeddings, batch.mask, batch.bank_index, batch.dropout_noise
                )
                loss = focal_loss(
                    scores.logits, batch.targets, self.weights, self.config.gamma, known
                )
                of = torch.autograd.grad(loss, self.parameters, allow_unused=True)
                return Gradients(loss.detach(), of)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                problem = too_little_memory(error, "training on one slice")
            halve = getattr(self.model, "halve", None)  # after except, whose frames hold memory
            if halve is None or not halve():
                raise problem
            release_memory()

    def _dropout_noise(self, epoch: int) -> DropoutNoise | None:
        head: Any = getattr(self.model, "head", self.model)
        p, dim = head.dropout.p, head.center.shape[-1]
        return DropoutNoise(self.config.seed, epoch, p, dim) if p else None


def _added(total: Tensor | None, gradient: Tensor | None) -> Tensor | None:
    """In float64."""
    if gradient is None:
        return total
    return gradient.double() if total is None else total.add_(gradient)
