"""One step of training: the gradients of a batch, piece by piece and over all processes, AdamW."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from molre.embedding.chunks import is_out_of_memory, release_memory, too_little_memory
from molre.errors import MolreError
from molre.model.loss import focal_loss
from molre.training.data import Batch, Loader, Share
from molre.training.parallel.batch_norm import counting_together

NAMED = 4  # studies named in a sentence, at most


class NotFinite(MolreError):
    """A loss that is not a number: of an embedding that is not, or of too large a step."""


@dataclass(frozen=True)
class Gradients:
    """Of one piece: loss float32 scalar, and float32 of each parameter or None where unused."""

    loss: Tensor
    of: Sequence[Tensor | None]


def step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: Loader,
    share: Share,
    weights: Tensor,
    gamma: float,
    pool: Executor | None = None,
) -> float:
    """Take one step on a batch, of which this process has a share.

    The loss is divided by the labels of the whole batch. Gradients of the pieces are added up in
    float64, within the process and over the processes, and clipped after that: rounding that
    depended on how a batch is shared would be magnified by Adam, which divides by the size of a
    gradient however small it is.

    Args:
        model: changed in place.
        optimizer: of the model.
        train: where the batch is from.
        share: this process's.
        weights: (K, 2) class weights.
        gamma: focusing exponent.
        pool: works out the pieces side by side.

    Returns:
        loss of the whole batch.

    Raises:
        NotFinite: a loss that is not, naming the studies.
        MolreError: a device that failed, naming the studies; or too little memory for one
            slice.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    loss = torch.zeros((), dtype=torch.float64)
    sums: list[Tensor | None] = [None] * len(parameters)

    def gradients(piece: Batch) -> Gradients:
        return _piece(model, parameters, train, piece, share.known, weights, gamma)

    ranks = train.ranks
    with counting_together(model, ranks, share.after):
        for found in (pool.map if pool is not None else map)(gradients, share.pieces):
            loss += found.loss
            for i, gradient in enumerate(found.of):
                if gradient is not None:
                    before = sums[i]
                    sums[i] = gradient.double() if before is None else before.add_(gradient)
    for parameter, total in zip(parameters, ranks.sum_gradients(sums, parameters), strict=True):
        parameter.grad = None if total is None else total.to(parameter.dtype)
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    return float(ranks.sum(loss))


def _piece(
    model: nn.Module,
    parameters: list[nn.Parameter],
    train: Loader,
    piece: Batch,
    known: Tensor,
    weights: Tensor,
    gamma: float,
) -> Gradients:
    try:
        found = _gradients(model, parameters, piece, known, weights, gamma)
    except torch.AcceleratorError as error:
        raise MolreError(
            f"the device failed ({str(error).splitlines()[0]}) on "
            f"{_studies(train, piece, range(len(piece.rows)))}",
            fix="run the same command again to go on where it stopped; if it fails again, look "
            "at what it names",
        ) from None
    if not torch.isfinite(found.loss):
        raise NotFinite(
            f"the loss is not finite for {_studies(train, piece, _not_finite(model, piece))}",
            fix="lower --set learning_rates",
        )
    return found


def _gradients(
    model: nn.Module,
    parameters: list[nn.Parameter],
    piece: Batch,
    known: Tensor,
    weights: Tensor,
    gamma: float,
) -> Gradients:
    """What does not fit into memory is tried again in smaller chunks, where the model has them."""
    while True:
        try:
            scores = model(piece.embeddings, piece.mask, piece.bank_index, piece.noise)
            loss = focal_loss(scores.logits, piece.targets, weights, gamma, known)
            return Gradients(
                loss.detach(), torch.autograd.grad(loss, parameters, allow_unused=True)
            )
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            problem = too_little_memory(error, "training on one slice")
        halve = getattr(model, "halve", None)  # out of the except clause, whose frames hold memory
        if halve is None or not halve():
            raise problem
        release_memory()


def _not_finite(model: nn.Module, piece: Batch) -> Sequence[int]:
    """Which of the scans have scores that are not finite; all of them where none has."""
    with torch.no_grad():
        logits = model(piece.embeddings, piece.mask, piece.bank_index, piece.noise).logits
    bad = [i for i, row in enumerate(logits) if not torch.isfinite(row).all()]
    return bad or range(len(piece.rows))


def _studies(train: Loader, piece: Batch, rows: Sequence[int]) -> str:
    names = [train.studies.study[piece.rows[i]] for i in rows]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{'studies' if len(names) > 1 else 'study'} {', '.join(names[:NAMED])}{more}"
